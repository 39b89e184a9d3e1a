import type { BundleManifest } from '../../bundle/manifest.ts';
import type { PixelImage } from '../../domain/image.ts';

type Preview = BundleManifest['latent']['preview'];

/**
 * A rough picture of a latent `[channels, height, width]`, one pixel per latent cell: rgb (0..1) = matrix · latent + bias.
 * Costs nothing beside a decoder run, so every step can show one.
 */
export function previewLatent(latent: Float32Array, preview: Preview, width: number, height: number): PixelImage {
  const plane = width * height;
  const data = new Uint8ClampedArray(plane * 4).fill(255);
  for (let component = 0; component < 3; component++) {
    const row = preview.matrix[component]!;
    const bias = preview.bias[component]!;
    for (let i = 0; i < plane; i++) {
      let value = bias;
      for (let channel = 0; channel < row.length; channel++) value += row[channel]! * latent[channel * plane + i]!;
      data[4 * i + component] = 255 * value;
    }
  }
  return { width, height, data };
}
