/**
 * What kind of IP-Adapter a file is, told by its tensors: the published files have no config. Names as in
 * tencent-ailab/IP-Adapter (2024-06-28) and in diffusers 0.42 (`_convert_ip_adapter_image_proj_to_diffusers`).
 */
import { AppError } from '../domain/errors.ts';
import { isFaceLora } from './lora.ts';
import { resamplerConfig } from './resampler-config.ts';
import type { WeightSource } from './weight-source.ts';

export interface FaceAdapter {
  /** `face-id`: from a face recogniser's embedding; `image`: from CLIP's view of the face (plus-face). */
  readonly route: 'face-id' | 'image';
  readonly weights: WeightSource;
  /** Length of the face embedding, or width of the image encoder's states. */
  readonly input: number;
  readonly tokens: number;
  /** Constructor arguments of the reference's Resampler (image route). */
  readonly resampler?: Readonly<Record<string, number>>;
  /** Whether it brings a LoRA for the UNet along, as FaceID does. */
  readonly hasLora: boolean;
}

const BASES: Readonly<Record<number, string>> = { 768: 'SD1.5', 1024: 'SD2', 2048: 'SDXL' };

/**
 * Recognises the adapter. Throws AppError `weights-invalid` that says what it is and what to use instead.
 *
 * @param textWidth width of the base's text states
 */
export function readFaceAdapter(weights: WeightSource, textWidth: number): FaceAdapter {
  const dims = (name: string): readonly number[] | undefined => weights.shapes.get(`image_proj.${name}`);
  const names = [...weights.shapes.keys()];
  const hasLora = names.some(isFaceLora);
  const has = (start: string): boolean => names.some((name) => name.startsWith(start));

  if (!has('image_proj.') || !has('ip_adapter.')) {
    throw refused(weights, 'no IP-Adapter: it has no image_proj.* and ip_adapter.* tensors');
  }
  if (has('image_proj.perceiver_resampler.')) {
    throw refused(weights, 'an IP-Adapter FaceID-Plus, which wants an embedding and an image encoder together');
  }
  if (dims('proj.weight')) throw refused(weights, 'the plain IP-Adapter, which copies whole pictures, not faces');
  if (dims('proj.3.weight')) throw refused(weights, 'an IP-Adapter full-face, which is not supported');

  const [outputs] = dims('proj.2.weight') ?? [];
  const [, embedding] = dims('proj.0.weight') ?? [];
  const [width] = dims('norm.weight') ?? [];
  if (outputs !== undefined && embedding !== undefined && width !== undefined) {
    requireWidth(weights, width, textWidth);
    const tokens = Math.max(1, Math.round(outputs / width));
    if (tokens === 16 && !hasLora && embedding === 512) {
      throw refused(weights, 'an IP-Adapter FaceID-Portrait, which wants several photos at once');
    }
    return { route: 'face-id', weights, input: embedding, tokens, hasLora };
  }
  if (dims('latents')) {
    const resampler = resamplerConfig(weights.shapes);
    const { embedding_dim: input, num_queries: tokens, output_dim: projected } = resampler;
    if (input === 512) throw refused(weights, 'an InstantID adapter, which wants a ControlNet beside it');
    requireWidth(weights, projected, textWidth);
    return { route: 'image', weights, input, tokens, resampler, hasLora };
  }
  throw refused(weights, 'an IP-Adapter of a kind that is not known here');
}

function requireWidth(weights: WeightSource, width: number, textWidth: number): void {
  if (width === textWidth) return;
  const base = BASES[width] ?? 'another base';
  throw refused(weights, `an adapter for ${base} (its tokens are ${width} wide, those of this base ${textWidth})`);
}

function refused({ name }: WeightSource, what: string): AppError {
  return new AppError(
    'weights-invalid',
    `${name} is ${what}; use ip-adapter-faceid_sd15 (with --face-encoder) or ip-adapter-plus-face_sd15 (with --image-encoder).`,
    { details: { file: name } },
  );
}
