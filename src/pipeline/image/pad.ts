import type { PixelImage } from '../../domain/image.ts';

/**
 * The picture extended to the right and below by reflection at its last pixels, which are not repeated (numpy's
 * "reflect"); larger extensions reflect back and forth.
 */
export function padByReflection(image: PixelImage, width: number, height: number): PixelImage {
  if (width === image.width && height === image.height) return image;
  const source = new Uint32Array(image.data.buffer, image.data.byteOffset, image.width * image.height);
  const out = new Uint32Array(width * height);
  const columns = reflectedPositions(image.width, width);
  const rows = reflectedPositions(image.height, height);
  for (let y = 0; y < height; y++) {
    const row = rows[y]! * image.width;
    for (let x = 0; x < width; x++) out[y * width + x] = source[row + columns[x]!]!;
  }
  return { width, height, data: new Uint8ClampedArray(out.buffer) };
}

/** The top left `width`×`height` pixels: the inverse of the padding. */
export function cropTopLeft(image: PixelImage, width: number, height: number): PixelImage {
  if (width === image.width && height === image.height) return image;
  const out = new Uint8ClampedArray(width * height * 4);
  for (let y = 0; y < height; y++) {
    const from = y * image.width * 4;
    out.set(image.data.subarray(from, from + width * 4), y * width * 4);
  }
  return { width, height, data: out };
}

function reflectedPositions(sourceSize: number, outputSize: number): Int32Array {
  const period = Math.max(1, 2 * (sourceSize - 1));
  return Int32Array.from({ length: outputSize }, (_, i) => {
    const phase = i % period;
    return phase < sourceSize ? phase : period - phase;
  });
}
