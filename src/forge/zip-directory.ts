/**
 * The table of contents of a zip archive whose entries are stored as they are, which is how PyTorch writes them
 * (PKWARE APPNOTE 6.3.10, §4.3–§4.5). What could make a reader see another archive than the next one, or more bytes than
 * the file has, is refused: compression, encryption, several disks, entries that overlap or come twice.
 */
import type { RandomAccess } from './random-access.ts';
import { shown, weightsInvalid } from './weight-source.ts';

export interface ZipEntry {
  readonly size: number;
  /** Where its local header begins. */
  readonly header: number;
  /** Where the next entry or the directory begins. */
  readonly limit: number;
}

const END_BYTES = 22;
const LOCATOR_BYTES = 20;
const END64_BYTES = 56;
const CENTRAL_BYTES = 46;
const LOCAL_BYTES = 30;
/** A table of contents beyond this is no model's. */
const MAX_DIRECTORY_BYTES = 100_000_000;
const ENCRYPTED = 0x2041;

interface Directory {
  readonly entries: number;
  readonly bytes: number;
  readonly offset: number;
}

/** Entries by name. Throws AppError `weights-invalid`. */
export async function readZipDirectory(source: RandomAccess): Promise<ReadonlyMap<string, ZipEntry>> {
  const directory = await findDirectory(source);
  const bytes = await source.read(directory.offset, directory.bytes);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const names = new TextDecoder('utf-8', { fatal: true });
  const entries = new Map<string, ZipEntry>();
  let previous: { name: string; header: number; size: number } | undefined;
  const sorted: { name: string; header: number; size: number }[] = [];
  let at = 0;
  for (let i = 0; i < directory.entries; i++) {
    const entry = readEntry(source.name, view, at, names);
    sorted.push(entry);
    at = entry.next;
  }
  if (at !== bytes.length) throw zipInvalid(source.name, 'its directory holds more than its entries');
  sorted.sort((a, b) => a.header - b.header);
  sorted.push({ name: 'the directory', header: directory.offset, size: 0 });
  for (const entry of sorted) {
    if (previous !== undefined) {
      // The local header may be longer than this; `zipEntryData` checks against the limit.
      if (previous.header + LOCAL_BYTES + previous.size > entry.header) {
        throw zipInvalid(source.name, `${shown(previous.name)} overlaps ${shown(entry.name)}`);
      }
      if (entries.has(previous.name)) throw zipInvalid(source.name, `${shown(previous.name)} comes twice`);
      entries.set(previous.name, { size: previous.size, header: previous.header, limit: entry.header });
    }
    previous = entry;
  }
  return entries;
}

/** Where the entry's bytes begin, by its local header, which has to agree with the directory. */
export async function zipEntryData(source: RandomAccess, name: string, entry: ZipEntry): Promise<number> {
  const expected = new TextEncoder().encode(name);
  const bytes = entry.header + LOCAL_BYTES + expected.length;
  if (bytes > entry.limit) throw zipInvalid(source.name, `${shown(name)} overlaps what follows it`);
  const header = await source.read(entry.header, LOCAL_BYTES + expected.length);
  const view = new DataView(header.buffer, header.byteOffset, header.length);
  const agrees =
    view.getUint32(0, true) === 0x04034b50 &&
    (view.getUint16(6, true) & ENCRYPTED) === 0 &&
    view.getUint16(8, true) === 0 &&
    view.getUint16(26, true) === expected.length &&
    expected.every((byte, i) => header[LOCAL_BYTES + i] === byte);
  if (!agrees) throw zipInvalid(source.name, `the header of ${shown(name)} contradicts the directory`);
  const begin = bytes + view.getUint16(28, true);
  if (begin + entry.size > entry.limit) throw zipInvalid(source.name, `${shown(name)} overlaps what follows it`);
  return begin;
}

async function findDirectory(source: RandomAccess): Promise<Directory> {
  const tailBytes = Math.min(source.size, END_BYTES + LOCATOR_BYTES + 0xffff);
  const tail = await source.read(source.size - tailBytes, tailBytes);
  const view = new DataView(tail.buffer, tail.byteOffset, tail.length);
  let end = tailBytes - END_BYTES;
  // The comment behind the record fills the file exactly.
  const isEnd = (at: number): boolean =>
    view.getUint32(at, true) === 0x06054b50 && at + END_BYTES + view.getUint16(at + 20, true) === tailBytes;
  while (end >= 0 && !isEnd(end)) end -= 1;
  if (end < 0) throw zipInvalid(source.name, 'it has no directory at its end: it is cut off');

  const small = {
    disks: view.getUint16(end + 4, true) + view.getUint16(end + 6, true),
    entriesHere: view.getUint16(end + 8, true),
    entries: view.getUint16(end + 10, true),
    bytes: view.getUint32(end + 12, true),
    offset: view.getUint32(end + 16, true),
  };
  const locator = end - LOCATOR_BYTES;
  const endOfFile = source.size - tailBytes + end;
  const has64 = locator >= 0 && view.getUint32(locator, true) === 0x07064b50;
  const found = has64
    ? await readEnd64(source, view, locator, endOfFile - LOCATOR_BYTES)
    : { ...small, end: endOfFile };
  if (found.disks !== 0 || found.entriesHere !== found.entries) {
    throw zipInvalid(source.name, 'it is one part of several');
  }
  // Not only where the small record says "see there": two records that disagree are two archives.
  const agrees =
    (small.entries === 0xffff || small.entries === found.entries) &&
    (small.bytes === 0xffffffff || small.bytes === found.bytes) &&
    (small.offset === 0xffffffff || small.offset === found.offset);
  if (!agrees) throw zipInvalid(source.name, 'its two end records contradict each other');
  if (found.offset + found.bytes !== found.end || found.entries * CENTRAL_BYTES > found.bytes) {
    throw zipInvalid(source.name, 'its directory does not lie where its end record says');
  }
  if (found.bytes > MAX_DIRECTORY_BYTES) throw zipInvalid(source.name, `its directory has ${found.bytes} bytes`);
  return found;
}

async function readEnd64(
  source: RandomAccess,
  tail: DataView,
  locator: number,
  end: number,
): Promise<Directory & { disks: number; entriesHere: number; end: number }> {
  const offset = Number(tail.getBigUint64(locator + 8, true));
  if (tail.getUint32(locator + 4, true) !== 0 || tail.getUint32(locator + 16, true) > 1) {
    throw zipInvalid(source.name, 'it is one part of several');
  }
  if (offset + END64_BYTES > end) throw zipInvalid(source.name, 'its zip64 record does not lie where it should');
  const record = await source.read(offset, END64_BYTES);
  const view = new DataView(record.buffer, record.byteOffset, record.length);
  // Its own length leaves the first 12 bytes out.
  if (view.getUint32(0, true) !== 0x06064b50 || offset + 12 + Number(view.getBigUint64(4, true)) !== end) {
    throw zipInvalid(source.name, 'its zip64 record is damaged');
  }
  return {
    disks: view.getUint32(16, true) + view.getUint32(20, true),
    entriesHere: Number(view.getBigUint64(24, true)),
    entries: Number(view.getBigUint64(32, true)),
    bytes: Number(view.getBigUint64(40, true)),
    offset: Number(view.getBigUint64(48, true)),
    end: offset,
  };
}

function readEntry(
  file: string,
  view: DataView,
  at: number,
  names: TextDecoder,
): { name: string; header: number; size: number; next: number } {
  if (at + CENTRAL_BYTES > view.byteLength || view.getUint32(at, true) !== 0x02014b50) {
    throw zipInvalid(file, 'its directory is damaged');
  }
  const [nameBytes, extraBytes, commentBytes] = [28, 30, 32].map((field) => view.getUint16(at + field, true)) as [
    number,
    number,
    number,
  ];
  const extra = at + CENTRAL_BYTES + nameBytes;
  const next = extra + extraBytes + commentBytes;
  if (next > view.byteLength) throw zipInvalid(file, 'its directory is damaged');
  const name = decodeName(file, names, new Uint8Array(view.buffer, view.byteOffset + at + CENTRAL_BYTES, nameBytes));
  if ((view.getUint16(at + 8, true) & ENCRYPTED) !== 0) throw zipInvalid(file, `${shown(name)} is encrypted`);
  const method = view.getUint16(at + 10, true);
  if (method !== 0) {
    throw zipInvalid(file, `${shown(name)} is compressed (method ${method}), which torch.save never does`);
  }
  const wide = wideFields(file, view, at, extra, extra + extraBytes);
  if (wide.compressed !== wide.size) throw zipInvalid(file, `${shown(name)} has two different sizes`);
  if (wide.disk !== 0) throw zipInvalid(file, 'it is one part of several');
  return { name, header: wide.header, size: wide.size, next };
}

/** The fields that move to the zip64 extra field where they do not fit. */
function wideFields(
  file: string,
  view: DataView,
  at: number,
  extra: number,
  extraEnd: number,
): { size: number; compressed: number; header: number; disk: number } {
  let wide = extra;
  let wideEnd = extra;
  for (let field = extra; field + 4 <= extraEnd;) {
    const end = field + 4 + view.getUint16(field + 2, true);
    if (end > extraEnd) throw zipInvalid(file, 'its directory is damaged');
    if (view.getUint16(field, true) === 1) [wide, wideEnd] = [field + 4, end];
    field = end;
  }
  const take = (small: number): number => {
    if (small !== 0xffffffff) return small;
    if (wide + 8 > wideEnd) throw zipInvalid(file, 'its directory lacks a size');
    const value = Number(view.getBigUint64(wide, true));
    wide += 8;
    return value;
  };
  // The order is the format's.
  const size = take(view.getUint32(at + 24, true));
  const compressed = take(view.getUint32(at + 20, true));
  const header = take(view.getUint32(at + 42, true));
  const disk = view.getUint16(at + 34, true);
  return { size, compressed, header, disk: disk === 0xffff && wide + 4 <= wideEnd ? view.getUint32(wide, true) : disk };
}

function decodeName(file: string, names: TextDecoder, bytes: Uint8Array): string {
  try {
    return names.decode(bytes);
  } catch (cause) {
    throw zipInvalid(file, 'an entry’s name is not UTF-8', cause);
  }
}

function zipInvalid(file: string, what: string, cause?: unknown): ReturnType<typeof weightsInvalid> {
  return weightsInvalid(file, `as a zip archive, ${what}`, cause);
}
