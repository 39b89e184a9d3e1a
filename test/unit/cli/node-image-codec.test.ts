import sharp, { type Sharp } from 'sharp';
import { describe, expect, test } from 'vitest';
import { nodeImageCodec } from '../../../cli/node-image-codec.ts';
import type { PixelImage } from '../../../src/domain/image.ts';

/** Left half red, right half blue; 40 × 20. */
const halves = (): Sharp => {
  const data = Buffer.alloc(40 * 20 * 3);
  for (let i = 0; i < 40 * 20; i++) data[i * 3 + (i % 40 < 20 ? 0 : 2)] = 255;
  return sharp(data, { raw: { width: 40, height: 20, channels: 3 } });
};
const blob = async (image: Sharp) => new Blob([Uint8Array.from(await image.toBuffer())]);
const pixel = ({ width, data }: PixelImage, x: number, y: number) => [
  ...data.slice((y * width + x) * 4, (y * width + x) * 4 + 4),
];

describe('decode', () => {
  test.each(['png', 'jpeg', 'webp'] as const)('%s', async (type) => {
    const image = await nodeImageCodec.decode(await blob(halves().toFormat(type, { quality: 95 })));
    expect([image.width, image.height]).toEqual([40, 20]);
    const [red, , blue, alpha] = pixel(image, 4, 10);
    expect(red).toBeGreaterThan(235);
    expect(blue).toBeLessThan(20);
    expect(alpha).toBe(255);
  });

  test('EXIF orientation is applied', async () => {
    const image = await nodeImageCodec.decode(
      await blob(halves().withMetadata({ orientation: 6 }).jpeg({ quality: 95 })),
    );
    expect([image.width, image.height]).toEqual([20, 40]);
    expect(pixel(image, 10, 4)[0]).toBeGreaterThan(235);
    expect(pixel(image, 10, 35)[2]).toBeGreaterThan(235);
  });

  test('transparency becomes white, grey becomes RGB, 16 bits become 8', async () => {
    const clear = sharp({ create: { width: 20, height: 20, channels: 4, background: { r: 9, g: 9, b: 9, alpha: 0 } } });
    expect(pixel(await nodeImageCodec.decode(await blob(clear.png())), 3, 3)).toEqual([255, 255, 255, 255]);
    const grey = sharp({ create: { width: 20, height: 20, channels: 3, background: '#808080' } }).greyscale();
    expect(pixel(await nodeImageCodec.decode(await blob(grey.clone().png())), 3, 3)).toEqual([128, 128, 128, 255]);
    const deep = grey.clone().toColourspace('rgb16').png();
    expect(pixel(await nodeImageCodec.decode(await blob(deep)), 3, 3)).toEqual([128, 128, 128, 255]);
  });

  test.each([
    ['image-unsupported', '<svg xmlns="http://www.w3.org/2000/svg"/>'],
    ['image-unsupported', '%PDF-1.4'],
    ['image-not-an-image', '<!doctype html>'],
    ['image-not-an-image', ''],
  ])('%s for %j', async (code, content) => {
    await expect(nodeImageCodec.decode(new Blob([content]))).rejects.toMatchObject({ code });
  });

  test('a file whose inside is damaged', async () => {
    const bytes = Uint8Array.from(await halves().png().toBuffer());
    bytes.fill(0x55, 45, 60);
    await expect(nodeImageCodec.decode(new Blob([bytes]))).rejects.toMatchObject({ code: 'image-corrupt' });
  });
});

describe('encode', () => {
  const image: PixelImage = {
    width: 20,
    height: 16,
    data: Uint8ClampedArray.from({ length: 20 * 16 * 4 }, (_, i) => (i % 4 === 3 ? 255 : (i * 5) % 256)),
  };

  test('PNG keeps every pixel and gives the same bytes each time', async () => {
    const [one, two] = [await nodeImageCodec.encode(image, 'png'), await nodeImageCodec.encode(image, 'png')];
    expect(one.type).toBe('image/png');
    expect(Buffer.compare(new Uint8Array(await one.arrayBuffer()), new Uint8Array(await two.arrayBuffer()))).toBe(0);
    expect(await nodeImageCodec.decode(one)).toEqual(image);
  });

  test.each(['webp', 'jpeg'] as const)('%s', async (format) => {
    const file = await nodeImageCodec.encode(image, format);
    expect(file.type).toBe(`image/${format}`);
    const back = await nodeImageCodec.decode(file);
    expect([back.width, back.height]).toEqual([20, 16]);
  });
});
