/**
 * Random access to the files of a zip (APPNOTE 6.3.10): found by the central directory, so that only what is wanted is
 * read and stored data may contain anything. Stored and deflated entries; no encryption, no zip64.
 */
import { AppError } from '../domain/errors.ts';

/** Files by path, each to be streamed when it is asked for. */
export type FileSource = ReadonlyMap<string, () => AsyncIterable<Uint8Array>>;

const END_SIGNATURE = 0x06054b50;
const END_BYTES = 22;
const LONGEST_COMMENT = 65_535;
const ENTRY_SIGNATURE = 0x02014b50;
const ENTRY_BYTES = 46;
const LOCAL_BYTES = 30;
const ZIP64 = 0xffffffff;

/** Throws AppError `bundle-invalid` for anything that is not such a zip. */
export async function readZip(zip: Blob): Promise<FileSource> {
  const tail = await view(zip, Math.max(0, zip.size - END_BYTES - LONGEST_COMMENT), zip.size);
  let end = tail.byteLength - END_BYTES;
  while (end >= 0 && tail.getUint32(end, true) !== END_SIGNATURE) end -= 1;
  if (end < 0) throw notAZip('it has no directory');
  const count = tail.getUint16(end + 10, true);
  const size = tail.getUint32(end + 12, true);
  const offset = tail.getUint32(end + 16, true);
  if (offset === ZIP64 || offset + size > zip.size)
    throw notAZip('zip files beyond 4 GB cannot be read; import the folder');

  const directory = await view(zip, offset, offset + size);
  const files = new Map<string, () => AsyncIterable<Uint8Array>>();
  const decoder = new TextDecoder();
  for (let at = 0, i = 0; i < count; i++) {
    if (at + ENTRY_BYTES > size || directory.getUint32(at, true) !== ENTRY_SIGNATURE)
      throw notAZip('its directory is damaged');
    const method = directory.getUint16(at + 10, true);
    const packed = directory.getUint32(at + 20, true);
    const nameLength = directory.getUint16(at + 28, true);
    const local = directory.getUint32(at + 42, true);
    const name = decoder.decode(new Uint8Array(directory.buffer, directory.byteOffset + at + ENTRY_BYTES, nameLength));
    at += ENTRY_BYTES + nameLength + directory.getUint16(at + 30, true) + directory.getUint16(at + 32, true);
    if (!name.endsWith('/')) files.set(name, () => entryBytes(zip, { name, method, packed, local }));
  }
  return files;
}

interface Entry {
  readonly name: string;
  readonly method: number;
  readonly packed: number;
  readonly local: number;
}

async function* entryBytes(zip: Blob, { name, method, packed, local }: Entry): AsyncGenerator<Uint8Array> {
  if (method !== 0 && method !== 8) throw notAZip(`${name} is packed in a way that cannot be read (method ${method})`);
  // The lengths before the data are the local header's own: they may differ from the directory's.
  const header = await view(zip, local, local + LOCAL_BYTES);
  if (header.byteLength < LOCAL_BYTES) throw notAZip('it ends too soon');
  const begin = local + LOCAL_BYTES + header.getUint16(26, true) + header.getUint16(28, true);
  const data = zip.slice(begin, begin + packed);
  const stream = data.stream();
  yield* pieces(method === 0 ? stream : stream.pipeThrough(new DecompressionStream('deflate-raw')));
}

/** Not every browser can iterate a stream yet. */
export async function* pieces(stream: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array> {
  const reader = stream.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield value;
    }
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}

async function view(blob: Blob, from: number, to: number): Promise<DataView<ArrayBuffer>> {
  return new DataView(await blob.slice(from, to).arrayBuffer());
}

function notAZip(why: string): AppError {
  return new AppError('bundle-invalid', `This zip file cannot be used: ${why}.`, { details: { zip: true } });
}
