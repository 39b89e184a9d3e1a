import type { PixelImage } from '../../domain/image.ts';

/** The picture on white where it is transparent; an opaque picture is returned as it is. */
export function flattenAlpha(image: PixelImage): PixelImage {
  if (isOpaque(image.data)) return image;
  const data = new Uint8ClampedArray(image.data.length);
  for (let i = 0; i < data.length; i += 4) {
    const alpha = image.data[i + 3]! / 255;
    const white = 255 * (1 - alpha);
    data[i] = image.data[i]! * alpha + white;
    data[i + 1] = image.data[i + 1]! * alpha + white;
    data[i + 2] = image.data[i + 2]! * alpha + white;
    data[i + 3] = 255;
  }
  return { ...image, data };
}

function isOpaque(data: Uint8ClampedArray): boolean {
  for (let i = 3; i < data.length; i += 4) if (data[i] !== 255) return false;
  return true;
}
