import type { BundleManifest } from '../../bundle/manifest.ts';
import { AppError } from '../../domain/errors.ts';
import type { PixelImage } from '../../domain/image.ts';
import type { SessionRunner } from '../../domain/ports.ts';
import { float32Tensor } from '../../domain/tensor.ts';
import { imageFromPlanes } from '../image/image-tensor.ts';
import { readFloats } from '../tensor-reading.ts';

/**
 * A finished latent `[1, c, height, width]` as a picture; the decoder takes latent / factor + shift.
 * Throws AppError `graph-invalid` when the decoder's numbers are not finite: as pixels they would be black.
 */
export async function decodeLatent(
  { latent: spec }: Pick<BundleManifest, 'latent'>,
  runner: SessionRunner,
  latent: Float32Array,
  height: number,
  width: number,
): Promise<PixelImage> {
  const input = latent.map((value) => value / spec.factor + spec.shift);
  const outputs = await runner.run('latentDecoder', {
    latent: float32Tensor(input, [1, spec.channels, height, width]),
  });
  const { data } = await readFloats(runner, 'latentDecoder', outputs, 'image');
  if (!data.every(Number.isFinite)) {
    throw new AppError(
      'graph-invalid',
      'The decoder gave numbers that are not finite; try another backend or precision.',
    );
  }
  return imageFromPlanes(data, width * spec.downscale, height * spec.downscale);
}
