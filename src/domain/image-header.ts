/**
 * Size and completeness of PNG, JPEG and WebP files from their headers, so that a picture which is too large or cut
 * off is refused before anything allocates its pixels.
 */
import { AppError } from './errors.ts';
import { sniffImageType, type ImageType } from './image-type.ts';

/** Bytes of an image file that are read at all. */
export const MAX_IMAGE_BYTES = 64 * 1024 * 1024;
/** Pixels that are decoded: 256 MB of RGBA; phone cameras make up to 50 million. */
export const MAX_IMAGE_PIXELS = 64_000_000;

/** Pixels per side; less cannot show a face. */
const MIN_IMAGE_SIDE = 16;

export interface ImageHeader {
  readonly type: 'png' | 'jpeg' | 'webp';
  /** As stored, before EXIF orientation; pixels. */
  readonly width: number;
  readonly height: number;
}

const UNSUPPORTED: Partial<Record<ImageType, string>> = {
  gif: 'GIF pictures are not supported',
  bmp: 'BMP pictures are not supported',
  avif: 'AVIF pictures are not supported',
  heic: 'HEIC photos (the iPhone format) are not supported',
  svg: 'SVG is a drawing made of code, not a photo',
  pdf: 'This is a PDF document, whatever its name says',
};

/**
 * Checks an image file before it is decoded.
 * Throws AppError `image-not-an-image` (HTML, unknown or empty), `image-unsupported` (details.type, or details.tooSmall),
 * `image-corrupt` (cut off or without a size), `image-too-large` (bytes or pixels).
 */
export function checkImageBytes(bytes: Uint8Array): ImageHeader {
  if (bytes.length > MAX_IMAGE_BYTES) {
    throw new AppError(
      'image-too-large',
      `The file has ${megabytes(bytes.length)} MB; the limit is ${megabytes(MAX_IMAGE_BYTES)} MB.`,
      {
        details: { bytes: bytes.length, maxBytes: MAX_IMAGE_BYTES },
      },
    );
  }
  const type = sniffImageType(bytes);
  if (type !== 'png' && type !== 'jpeg' && type !== 'webp') {
    const why = UNSUPPORTED[type];
    if (why !== undefined)
      throw new AppError('image-unsupported', `${why}; use a PNG, JPEG or WebP.`, { details: { type } });
    const found = type === 'html' ? 'a web page' : bytes.length === 0 ? 'an empty file' : 'no image format we know';
    throw new AppError('image-not-an-image', `This is ${found}; use a PNG, JPEG or WebP picture.`, {
      details: { type },
    });
  }
  const size = readSize(bytes, type);
  if (size === null || size.width === 0 || size.height === 0 || isCutOff(bytes, type)) {
    throw new AppError(
      'image-corrupt',
      `The ${type.toUpperCase()} file is damaged or cut off; save or download it again.`,
      {
        details: { type },
      },
    );
  }
  const { width, height } = size;
  if (Math.min(width, height) < MIN_IMAGE_SIDE) {
    throw new AppError('image-unsupported', `A picture of ${width} × ${height} pixels is too small to show a face.`, {
      details: { type, width, height, tooSmall: true },
    });
  }
  if (width * height > MAX_IMAGE_PIXELS) {
    throw new AppError(
      'image-too-large',
      `The picture has ${width} × ${height} pixels; the limit is ${MAX_IMAGE_PIXELS / 1e6} million. Scale it down first.`,
      { details: { width, height, maxPixels: MAX_IMAGE_PIXELS } },
    );
  }
  return { type, width, height };
}

interface Size {
  readonly width: number;
  readonly height: number;
}

function readSize(bytes: Uint8Array, type: ImageHeader['type']): Size | null {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  switch (type) {
    case 'png': // IHDR is the first chunk by the specification
      return bytes.length < 24 ? null : { width: view.getUint32(16), height: view.getUint32(20) };
    case 'jpeg':
      return jpegFrame(view)?.size ?? null;
    case 'webp':
      return webpSize(view);
  }
}

/** Walks the JPEG marker segments (ITU-T T.81, B.1) to the frame header and the start of the first scan. */
function jpegFrame(view: DataView): { size: Size | null; scan: number | null } | null {
  let size: Size | null = null;
  let at = 2;
  while (at + 4 <= view.byteLength) {
    if (view.getUint8(at) !== 0xff) return null;
    const marker = view.getUint8(at + 1);
    if (marker === 0xff) {
      at += 1; // fill byte
      continue;
    }
    if (marker === 0xda) return { size, scan: at };
    const isFrame = marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc;
    if (isFrame && at + 9 <= view.byteLength) size = { height: view.getUint16(at + 5), width: view.getUint16(at + 7) };
    at += 2 + view.getUint16(at + 2);
  }
  return { size, scan: null };
}

/** The canvas or frame size of the first chunk (RFC 9649: VP8X; RFC 6386 §9.1: VP8; lossless: VP8L). */
function webpSize(view: DataView): Size | null {
  if (view.byteLength < 25) return null;
  const chunk = view.getUint32(12);
  if (chunk === 0x5650384c) {
    const bits = view.getUint32(21, true);
    return { width: 1 + (bits & 0x3fff), height: 1 + ((bits >>> 14) & 0x3fff) };
  }
  if (view.byteLength < 30) return null;
  if (chunk === 0x56503858) return { width: 1 + uint24(view, 24), height: 1 + uint24(view, 27) };
  if (chunk === 0x56503820) {
    return { width: view.getUint16(26, true) & 0x3fff, height: view.getUint16(28, true) & 0x3fff };
  }
  return null;
}

function uint24(view: DataView, at: number): number {
  return view.getUint8(at) | (view.getUint8(at + 1) << 8) | (view.getUint8(at + 2) << 16);
}

/** Whether the end of the picture is missing; bytes after the end (some cameras append them) are no damage. */
function isCutOff(bytes: Uint8Array, type: ImageHeader['type']): boolean {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  switch (type) {
    case 'png':
      return !pngHasEnd(view);
    case 'jpeg': {
      const scan = jpegFrame(view)?.scan ?? null;
      return scan === null || !jpegHasEnd(bytes, scan);
    }
    case 'webp':
      return bytes.length < view.getUint32(4, true) + 8;
  }
}

function pngHasEnd(view: DataView): boolean {
  for (let at = 8; at + 12 <= view.byteLength; at += 12 + view.getUint32(at)) {
    if (view.getUint32(at + 4) === 0x49454e44) return true; // IEND
  }
  return false;
}

/** FF D9 cannot occur inside a scan (FF is stuffed with 00), so the first one after the scan's start is the end. */
function jpegHasEnd(bytes: Uint8Array, scan: number): boolean {
  for (let at = bytes.indexOf(0xff, scan); at !== -1; at = bytes.indexOf(0xff, at + 1)) {
    if (bytes[at + 1] === 0xd9) return true;
  }
  return false;
}

function megabytes(count: number): number {
  return Math.round(count / 1024 / 1024);
}
