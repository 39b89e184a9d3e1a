import { encode } from 'fast-png';
import type { PixelImage } from '../domain/image.ts';

/** RGB PNG without the alpha channel; the same pixels give the same bytes in every browser and in Node. */
export function encodePng({ width, height, data }: PixelImage): Uint8Array<ArrayBuffer> {
  const rgb = new Uint8Array(width * height * 3);
  for (let i = 0, j = 0; j < rgb.length; i += 4, j += 3) {
    rgb[j] = data[i]!;
    rgb[j + 1] = data[i + 1]!;
    rgb[j + 2] = data[i + 2]!;
  }
  // fast-png writes into ordinary memory, never into shared memory.
  return encode({ width, height, data: rgb, channels: 3, depth: 8 }) as Uint8Array<ArrayBuffer>;
}
