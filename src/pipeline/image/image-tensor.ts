import type { PixelImage } from '../../domain/image.ts';
import { float32Tensor } from '../../domain/tensor.ts';

type Triple = readonly [number, number, number];

/** How pixels become a network's input: (pixel − mean) / std per channel, channels in `order`. */
export interface PixelNormalisation {
  readonly mean: number | Triple;
  readonly std: number | Triple;
  readonly order: 'rgb' | 'bgr';
}

/** RGB in [−1, 1], as diffusers' autoencoders take it. */
export const SIGNED_UNIT: PixelNormalisation = { mean: 127.5, std: 127.5, order: 'rgb' };

/** `[1, 3, height, width]`; alpha is ignored (see flattenAlpha). Mean and std are in the order of the channels fed. */
export function imageToTensor(image: PixelImage, normalisation: PixelNormalisation): ReturnType<typeof float32Tensor> {
  const { data, width, height } = image;
  const plane = width * height;
  const out = new Float32Array(3 * plane);
  for (let channel = 0; channel < 3; channel++) {
    const mean = channelValue(normalisation.mean, channel);
    const factor = 1 / channelValue(normalisation.std, channel);
    const start = channel * plane;
    const component = normalisation.order === 'rgb' ? channel : 2 - channel;
    for (let i = 0; i < plane; i++) out[start + i] = (data[4 * i + component]! - mean) * factor;
  }
  return float32Tensor(out, [1, 3, height, width]);
}

/** 8-bit pixels of RGB planes `[3, height, width]` in about [−1, 1]; values outside are clamped, alpha is opaque. */
export function imageFromPlanes(planes: Float32Array, width: number, height: number): PixelImage {
  const plane = width * height;
  const data = new Uint8ClampedArray(plane * 4);
  for (let i = 0; i < plane; i++) {
    data[4 * i] = planes[i]! * 127.5 + 127.5;
    data[4 * i + 1] = planes[plane + i]! * 127.5 + 127.5;
    data[4 * i + 2] = planes[2 * plane + i]! * 127.5 + 127.5;
    data[4 * i + 3] = 255;
  }
  return { width, height, data };
}

function channelValue(value: number | Triple, channel: number): number {
  return typeof value === 'number' ? value : value[channel]!;
}
