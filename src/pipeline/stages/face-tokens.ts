/** The CLIP route (IP-Adapter-plus): a face as the tokens that the resampler makes of the image encoder's states. */
import { AppError } from '../../domain/errors.ts';
import type { DetectedFace, PixelImage } from '../../domain/image.ts';
import { float32Tensor, type HostTensor } from '../../domain/tensor.ts';
import { imageToTensor } from '../image/image-tensor.ts';
import { readFloats } from '../tensor-reading.ts';
import { alignedCrop } from './face-alignment.ts';
import type { DetectionContext } from './face-detection.ts';

/**
 * Face tokens [face.tokens · text.width] of one face, aligned as for a face encoder (insightface `norm_crop` at
 * `face.image.size`, as IP-Adapter's FaceID-plus does). Biometric: lives in memory for one task.
 */
export async function encodeFaceImage(
  context: DetectionContext,
  image: PixelImage,
  face: Pick<DetectedFace, 'points'>,
): Promise<Float32Array> {
  const input = imageInput(context);
  return encode(context, imageToTensor(alignedCrop(image, face.points, input.size), input));
}

/** Face tokens of an all-zero image tensor: nobody, as the reference pipelines (diffusers 0.42) mean it. */
export async function encodeNoFace(context: DetectionContext): Promise<Float32Array> {
  const { size } = imageInput(context);
  return encode(context, float32Tensor(new Float32Array(3 * size * size), [1, 3, size, size]));
}

function imageInput({ bundle: { manifest } }: DetectionContext) {
  if (manifest.face.image) return manifest.face.image;
  throw new AppError('bundle-invalid', `The bundle ${manifest.id} does not see faces as images (face.image).`);
}

async function encode({ bundle, runner }: DetectionContext, pixels: HostTensor): Promise<Float32Array> {
  const states = await readFloats(
    runner,
    'imageEncoder',
    await runner.run('imageEncoder', { pixel_values: pixels }),
    'hidden_states',
  );
  const outputs = await runner.run('resampler', { hidden_states: float32Tensor(states.data, states.dims) });
  const { data } = await readFloats(runner, 'resampler', outputs, 'face_tokens');
  const { face, text } = bundle.manifest;
  if (data.length === face.tokens * text.width) return data;
  throw new AppError(
    'bundle-invalid',
    `The resampler gives ${data.length} numbers, bundle.json says face.tokens · text.width = ${face.tokens * text.width}.`,
  );
}
