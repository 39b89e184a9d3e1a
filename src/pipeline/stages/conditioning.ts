import type { ModelBundle } from '../../bundle/open-bundle.ts';
import { AppError } from '../../domain/errors.ts';
import type { SessionRunner } from '../../domain/ports.ts';
import { concatenate, float32Tensor, type Tensor } from '../../domain/tensor.ts';

/** What one denoiser pass is told besides sample and timestep; the batch is 1, or 2 for both guidance passes. */
export interface Condition {
  readonly textKv: Tensor;
  readonly faceKv: Tensor;
}

export interface ConditionRow {
  /** L · d values. */
  readonly text: Float32Array;
  /** Embedding of length 1 or all zeros for "no face"; where the bundle sees faces as images: t · d face tokens. */
  readonly face: Float32Array;
}

/**
 * Keys and values of all cross-attention layers for 1 or 2 rows (row 0 conditional, row 1 unconditional). They stay the
 * same over the steps, so they stay on the device where `keepOnDevice` says so; the caller disposes of them.
 *
 * @param faceScale adapter scale, 0..2; multiplies the face values of every layer, which equals scaling the branch's
 *   output (softmax(q·kᵀ)·(s·v) = s·softmax(q·kᵀ)·v); 0 is no face at all
 */
export async function condition(
  { manifest, tensors }: Pick<ModelBundle, 'manifest' | 'tensors'>,
  runner: SessionRunner,
  rows: readonly ConditionRow[],
  faceScale: number,
  keepOnDevice: boolean,
): Promise<Condition> {
  const layers = crossAttentionLayers(tensors.conditioner ?? {});
  const { tokens, width } = manifest.text;
  const faces = concatenate(rows.map(({ face }) => face));
  const outputs = await runner.run(
    'conditioner',
    {
      text: float32Tensor(concatenate(rows.map(({ text }) => text)), [rows.length, tokens, width]),
      ...(manifest.face.image
        ? { face_tokens: float32Tensor(faces, [rows.length, faces.length / rows.length / width, width]) }
        : { face: float32Tensor(faces, [rows.length, faces.length / rows.length]) }),
      face_scale: float32Tensor(new Float32Array(layers).fill(faceScale), [layers]),
    },
    keepOnDevice ? { keepOnDevice: ['text_kv', 'face_kv'] } : {},
  );
  const { text_kv: textKv, face_kv: faceKv } = outputs;
  if (!textKv || !faceKv) throw new AppError('graph-invalid', 'conditioner gave no text_kv or face_kv.');
  return { textKv, faceKv };
}

/** How many cross-attention layers the adapter feeds: each has one face key projection. */
function crossAttentionLayers(tensors: Readonly<Record<string, unknown>>): number {
  const count = Object.keys(tensors).filter((name) => name.endsWith('.to_k_ip.weight')).length;
  if (count === 0) {
    throw new AppError(
      'weights-invalid',
      'The conditioner has no face projections (*.to_k_ip.weight); rebuild the bundle.',
    );
  }
  return count;
}
