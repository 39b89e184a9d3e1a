import sharp from 'sharp';
import { describe, expect, test } from 'vitest';
import { checkImageBytes, MAX_IMAGE_PIXELS } from '../../../src/domain/image-header.ts';
import { sniffImageType } from '../../../src/domain/image-type.ts';

const picture = sharp({ create: { width: 37, height: 23, channels: 3, background: '#a06040' } });
const text = (value: string) => new TextEncoder().encode(value);

/** An ISO base media header with a major and compatible brands. */
function isoMedia(...brands: [string, ...string[]]): Uint8Array {
  const [major, ...compatible] = brands;
  const box = text(`\0\0\0\0ftyp${major}\0\0\0\0${compatible.join('')}`);
  new DataView(box.buffer).setUint32(0, box.length);
  return box;
}

describe('sniffImageType', () => {
  test.each(['png', 'jpeg', 'webp', 'gif', 'avif'] as const)('knows a real %s', async (type) => {
    expect(sniffImageType(await picture.clone().toFormat(type).toBuffer())).toBe(type);
  });

  test.each([
    ['bmp', text(`BM${'\0'.repeat(52)}`)],
    ['heic', isoMedia('heic', 'mif1')],
    ['heic', isoMedia('mif1', 'heic')],
    ['avif', isoMedia('mif1', 'miaf', 'avif')],
    ['unknown', isoMedia('isom', 'mp42')],
    ['svg', text('\ufeff<?xml version="1.0"?>\n<!-- a -->\n<svg xmlns="http://www.w3.org/2000/svg"/>')],
    ['svg', text('  <SVG width="1"/>')],
    ['pdf', text('%PDF-1.7\n')],
    ['pdf', text('junk\n%PDF-1.4\n')],
    ['html', text('<!DOCTYPE html><p>not found')],
    ['html', text('<html><body><svg></svg>')],
    ['unknown', text('hello')],
    ['unknown', new Uint8Array(0)],
  ] as const)('%s', (type, bytes) => {
    expect(sniffImageType(bytes)).toBe(type);
  });
});

describe('checkImageBytes', () => {
  test.each([
    ['png', picture.clone().png()],
    ['jpeg', picture.clone().jpeg()],
    ['jpeg', picture.clone().jpeg({ progressive: true })],
    ['webp', picture.clone().webp()],
    ['webp', picture.clone().webp({ lossless: true })],
    ['webp', picture.clone().ensureAlpha(0.5).webp()],
  ])('reads the size of a %s and notices when it is cut off', async (type, image) => {
    const bytes = await image.toBuffer();
    expect(checkImageBytes(bytes)).toEqual({ type, width: 37, height: 23 });
    expect(checkImageBytes(Buffer.concat([bytes, Buffer.from('camera notes')]))).toMatchObject({ width: 37 });
    for (const length of [16, 28, bytes.length >> 1, bytes.length - 2]) {
      expect(() => checkImageBytes(bytes.subarray(0, length))).toThrow(
        expect.objectContaining({ code: 'image-corrupt' }),
      );
    }
  });

  test.each(['png', 'jpeg', 'webp'] as const)('a %s of one pixel is too small to show a face', async (type) => {
    const one = sharp({ create: { width: 1, height: 1, channels: 3, background: 'red' } });
    const bytes = await one.toFormat(type, type === 'webp' ? { lossless: true } : {}).toBuffer();
    expect(() => checkImageBytes(bytes)).toThrow(
      expect.objectContaining({
        code: 'image-unsupported',
        details: { type, width: 1, height: 1, tooSmall: true },
      }),
    );
  });

  test('a thumbnail inside the metadata does not hide that a JPEG is cut off', async () => {
    const thumbnail = await sharp({ create: { width: 8, height: 8, channels: 3, background: 'red' } })
      .jpeg()
      .toBuffer();
    const bytes = await picture.clone().jpeg().toBuffer();
    const segment = Buffer.concat([Buffer.from([0xff, 0xe1, 0, 0]), thumbnail]);
    segment.writeUInt16BE(segment.length - 2, 2);
    const withThumbnail = Buffer.concat([bytes.subarray(0, 2), segment, bytes.subarray(2)]);
    expect(checkImageBytes(withThumbnail)).toEqual({ type: 'jpeg', width: 37, height: 23 });
    expect(() => checkImageBytes(withThumbnail.subarray(0, -30))).toThrow(
      expect.objectContaining({ code: 'image-corrupt' }),
    );
  });

  test('12000 × 9000 is refused from its header', async () => {
    const bytes = await picture.clone().png().toBuffer();
    bytes.writeUInt32BE(12_000, 16);
    bytes.writeUInt32BE(9_000, 20);
    expect(() => checkImageBytes(bytes)).toThrow(
      expect.objectContaining({
        code: 'image-too-large',
        details: { width: 12_000, height: 9_000, maxPixels: MAX_IMAGE_PIXELS },
      }),
    );
  });

  test.each([
    ['image-unsupported', '<svg/>', /SVG/],
    ['image-unsupported', '%PDF-1.4', /PDF/],
    ['image-not-an-image', '<!doctype html>', /web page/],
    ['image-not-an-image', '', /empty/],
    ['image-not-an-image', 'hello', /PNG, JPEG or WebP/],
  ])('%s for %j', (code, content, message) => {
    expect(() => checkImageBytes(text(content))).toThrow(
      expect.objectContaining({ code, message: expect.stringMatching(message) as unknown }),
    );
  });
});
