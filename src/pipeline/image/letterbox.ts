import type { PixelImage } from '../../domain/image.ts';
import { float32Tensor, type HostTensor } from '../../domain/tensor.ts';
import { imageToTensor, type PixelNormalisation } from './image-tensor.ts';
import { resample } from './resample.ts';

/** A picture fitted into a network's input: at the top left, its aspect kept, the rest 0 in the network's numbers. */
export interface Letterbox {
  /** `[1, 3, height, width]`. */
  readonly input: HostTensor;
  /** Input pixels per picture pixel. */
  readonly scale: number;
}

/** The picture scaled down to lie within width × height, aspect kept; one that does so already as it is. `scale` ≤ 1. */
export function fitInside(
  image: PixelImage,
  { width, height }: { readonly width: number; readonly height: number },
): { readonly image: PixelImage; readonly scale: number } {
  const scale = Math.min(1, width / image.width, height / image.height);
  if (scale === 1) return { image, scale };
  const [innerWidth, innerHeight] = [image.width, image.height].map((side) => Math.max(1, Math.round(side * scale)));
  return { image: resample(image, innerWidth!, innerHeight!), scale };
}

/** @param share how much of the input the picture's limiting side fills, 0..1 */
export function letterbox(
  image: PixelImage,
  { width, height, ...normalisation }: PixelNormalisation & { readonly width: number; readonly height: number },
  share: number,
): Letterbox {
  const scale = Math.min(width / image.width, height / image.height) * share;
  const innerWidth = Math.max(1, Math.round(image.width * scale));
  const innerHeight = Math.max(1, Math.round(image.height * scale));
  const inner = imageToTensor(resample(image, innerWidth, innerHeight), normalisation).data;
  const data = new Float32Array(3 * width * height);
  for (let channel = 0; channel < 3; channel++) {
    for (let y = 0; y < innerHeight; y++) {
      const from = (channel * innerHeight + y) * innerWidth;
      data.set(inner.subarray(from, from + innerWidth), (channel * height + y) * width);
    }
  }
  return { input: float32Tensor(data, [1, 3, height, width]), scale };
}
