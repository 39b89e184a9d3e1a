/** What a file really is, by its first bytes; names and MIME types lie. */

export const IMAGE_TYPES = [
  'png',
  'jpeg',
  'webp',
  'gif',
  'bmp',
  'avif',
  'heic',
  'svg',
  'pdf',
  'html',
  'unknown',
] as const;
export type ImageType = (typeof IMAGE_TYPES)[number];

/** ISO base media brands of AVIF and of HEIF with HEVC inside (MIAF, ISO/IEC 23000-22; HEIF, ISO/IEC 23008-12). */
const AVIF_BRANDS = ['avif', 'avis'];
const HEIC_BRANDS = ['heic', 'heix', 'heim', 'heis', 'hevc', 'hevx', 'hevm', 'hevs', 'mif1', 'msf1'];

/** Names the format of an image file's bytes; the first kilobyte suffices. */
export function sniffImageType(bytes: Uint8Array): ImageType {
  if (startsWith(bytes, [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a])) return 'png';
  if (startsWith(bytes, [0xff, 0xd8, 0xff])) return 'jpeg';
  const head = latin1(bytes, 0, 1024);
  if (head.startsWith('RIFF') && head.slice(8, 12) === 'WEBP') return 'webp';
  if (head.startsWith('GIF87a') || head.startsWith('GIF89a')) return 'gif';
  if (head.startsWith('BM') && bytes.length >= 26) return 'bmp';
  if (head.slice(4, 8) === 'ftyp') return isoMediaType(bytes, head);
  if (head.includes('%PDF-')) return 'pdf';
  return markupType(head);
}

/** Major brand at 8, compatible brands from 16 to the box's end; AVIF files often have the major brand mif1. */
function isoMediaType(bytes: Uint8Array, head: string): ImageType {
  const boxLength = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0);
  const brands = [head.slice(8, 12)];
  for (let at = 16; at + 4 <= Math.min(boxLength, head.length); at += 4) brands.push(head.slice(at, at + 4));
  if (brands.some((brand) => AVIF_BRANDS.includes(brand))) return 'avif';
  return brands.some((brand) => HEIC_BRANDS.includes(brand)) ? 'heic' : 'unknown';
}

function markupType(head: string): ImageType {
  const text = head
    .replace(/^ï»¿/, '') // the UTF-8 byte order mark, read as Latin-1
    .trimStart()
    .toLowerCase();
  if (!text.startsWith('<')) return 'unknown';
  if (/<svg[\s>:/]/.test(text) && !/<html[\s>]/.test(text)) return 'svg';
  return text.startsWith('<!doctype html') || /<(html|head|body)[\s>]/.test(text) ? 'html' : 'unknown';
}

function startsWith(bytes: Uint8Array, magic: readonly number[]): boolean {
  return bytes.length >= magic.length && magic.every((byte, i) => bytes[i] === byte);
}

function latin1(bytes: Uint8Array, start: number, end: number): string {
  let text = '';
  for (let i = start; i < Math.min(end, bytes.length); i++) text += String.fromCharCode(bytes[i]!);
  return text;
}
