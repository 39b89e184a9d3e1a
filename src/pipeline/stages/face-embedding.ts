import { AppError } from '../../domain/errors.ts';
import type { ModelBundle } from '../../bundle/open-bundle.ts';
import type { DetectedFace, PixelImage } from '../../domain/image.ts';
import { imageToTensor } from '../image/image-tensor.ts';
import { readFloats } from '../tensor-reading.ts';
import { alignedCrop } from './face-alignment.ts';
import type { DetectionContext } from './face-detection.ts';

/**
 * A face as the encoder's vector of length 1. Biometric: lives in memory for one task, is never stored, logged or sent.
 * Throws AppError `bundle-invalid` when the bundle has no encoder or another vector length than it says.
 */
export async function embedFace(
  { bundle, runner }: DetectionContext,
  image: PixelImage,
  face: Pick<DetectedFace, 'points'>,
): Promise<Float32Array> {
  const { encoder, embedding = 0 } = bundle.manifest.face;
  if (!encoder)
    throw new AppError(
      'bundle-invalid',
      `The bundle ${bundle.manifest.id} has no face encoder; give the person's embedding.`,
    );
  const crop = alignedCrop(image, face.points, encoder.input.size, encoder.fit);
  const outputs = await runner.run('faceEncoder', { image: imageToTensor(crop, encoder.input) });
  const [name] = Object.keys(outputs);
  const { data } = await readFloats(runner, 'faceEncoder', outputs, name ?? 'embedding');
  if (data.length !== embedding) {
    throw new AppError(
      'bundle-invalid',
      `The face encoder gives ${data.length} numbers, bundle.json says face.embedding = ${embedding}.`,
    );
  }
  return normalise(data);
}

/**
 * An embedding that was given, at length 1.
 * Throws AppError `invalid-request` when it is none of this bundle's, or the bundle sees faces as images.
 */
export function givenEmbedding({ manifest }: Pick<ModelBundle, 'manifest'>, values: Float32Array): Float32Array {
  const { embedding, image } = manifest.face;
  const refuse = (expected: string): AppError =>
    new AppError('invalid-request', `The embedding must be ${expected}.`, {
      details: { problems: [{ field: 'embedding', expected }] },
    });
  if (image) throw refuse(`left out: the model ${manifest.id} looks at the face itself`);
  if (values.length !== embedding) throw refuse(`${embedding} numbers, not ${values.length}`);
  const length = Math.hypot(...values);
  if (!(length > 0 && length < Infinity)) throw refuse('finite numbers that are not all zero');
  return values.map((value) => value / length);
}

/** Mean of several photos' unit vectors, brought back to length 1. */
export function meanEmbedding(embeddings: readonly Float32Array[]): Float32Array {
  const sum = new Float32Array(embeddings[0]!.length);
  for (const embedding of embeddings) for (let i = 0; i < sum.length; i++) sum[i]! += embedding[i]!;
  return normalise(sum);
}

/** Cosine of two vectors of length 1, −1..1. */
export function cosine(a: Float32Array, b: Float32Array): number {
  let dot = 0;
  for (let i = 0; i < a.length; i++) dot += a[i]! * b[i]!;
  return Math.max(-1, Math.min(1, dot));
}

function normalise(values: Float32Array): Float32Array {
  let square = 0;
  for (const value of values) square += value * value;
  const length = Math.sqrt(square);
  if (!(length > 0 && length < Infinity)) {
    throw new AppError(
      'weights-invalid',
      'The face encoder gave no usable numbers; its weights or backend are faulty.',
    );
  }
  return values.map((value) => value / length);
}
