/** Pictures, and files that are none, as a person might choose them. */
import { crc32, deflateSync } from 'node:zlib';
import sharp from 'sharp';
import { encodePng } from '../../src/engine/encode-png.ts';
import type { PixelImage } from '../../src/domain/image.ts';
import { drawTinyFace } from '../fixtures/tiny-face-networks.ts';

const png = (image: PixelImage): Buffer => Buffer.from(encodePng(image));

/** One face that the tiny bundle knows. */
export function facePng(person = 0): Buffer {
  return png(drawTinyFace(256, person));
}

/** Two faces in opposite corners: nearer together, the tiny bundle's detector takes them for one. */
export async function twoFacesPng(): Promise<Buffer> {
  const side = 72;
  const middle = { left: 20, top: 20, width: side, height: side };
  const faces = await Promise.all(
    [0, 1].map((person) =>
      sharp(png(drawTinyFace(112, person)))
        .extract(middle)
        .toBuffer(),
    ),
  );
  return sharp({ create: { width: 256, height: 256, channels: 3, background: '#ccc' } })
    .composite(faces.map((input, i) => ({ input, left: 184 * i, top: 184 * i })))
    .png()
    .toBuffer();
}

/** A picture without any face. */
export async function emptyPng(side: number): Promise<Buffer> {
  return sharp({ create: { width: side, height: side, channels: 3, background: '#7a9' } })
    .png()
    .toBuffer();
}

/** A whole JPEG, cut in the middle. */
export async function truncatedJpeg(): Promise<Buffer> {
  const whole = await sharp(facePng()).jpeg().toBuffer();
  return whole.subarray(0, whole.length / 2);
}

/** A valid PNG with 108 million black pixels in a few kilobytes: one bit each. */
export function hugePng(): Buffer {
  const [width, height] = [12_000, 9_000];
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header[8] = 1; // bits; colour type 0 = grey
  const rows = Buffer.alloc((1 + width / 8) * height);
  const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
  return Buffer.concat([signature, chunk('IHDR', header), chunk('IDAT', deflateSync(rows)), chunk('IEND')]);
}

export const SVG = Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"><circle r="9"/></svg>');
export const PDF = Buffer.from('%PDF-1.7\n1 0 obj\n<<>>\nendobj\n%%EOF');
export const HEIC = Buffer.concat([
  Buffer.from([0, 0, 0, 24]),
  Buffer.from('ftypheic\0\0\0\0mif1heic'),
  Buffer.alloc(64),
]);

function chunk(type: string, data: Buffer = Buffer.alloc(0)): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(data.length);
  const body = Buffer.concat([Buffer.from(type), data]);
  const check = Buffer.alloc(4);
  check.writeUInt32BE(crc32(body));
  return Buffer.concat([length, body, check]);
}
