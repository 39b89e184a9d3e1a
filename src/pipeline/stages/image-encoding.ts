import type { BundleManifest } from '../../bundle/manifest.ts';
import type { PixelImage } from '../../domain/image.ts';
import type { SessionRunner } from '../../domain/ports.ts';
import { imageToTensor, SIGNED_UNIT } from '../image/image-tensor.ts';
import { readFloats } from '../tensor-reading.ts';

/** A picture (sides divisible by the downscale) as the denoiser's latent: (encoder output − shift) · factor. */
export async function encodeImage(
  { latent }: Pick<BundleManifest, 'latent'>,
  runner: SessionRunner,
  image: PixelImage,
): Promise<Float32Array> {
  const outputs = await runner.run('latentEncoder', { image: imageToTensor(image, SIGNED_UNIT) });
  const { data } = await readFloats(runner, 'latentEncoder', outputs, 'latent');
  return data.map((value) => (value - latent.shift) * latent.factor);
}
