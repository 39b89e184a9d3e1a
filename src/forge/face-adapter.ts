/**
 * What kind of IP-Adapter a file is, told by its tensors: the published files have no config. Names as in
 * tencent-ailab/IP-Adapter (2024-06-28) and in diffusers 0.42 (`_convert_ip_adapter_image_proj_to_diffusers`).
 */
import type { WeightSource } from './safetensors.ts';
import type { Problems } from './problems.ts';

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

const USE = 'use ip-adapter-faceid_sd15.bin (with a face encoder) or ip-adapter-plus-face_sd15 (with --image-encoder)';
/** The reference's Resampler has never had another. */
const HEAD_WIDTH = 64;
const LORA = /^ip_adapter\.\d+\.to_(q|k|v|out)_lora\./;

/** Recognises the adapter; what cannot be used becomes a problem that says what it is and what to use instead. */
export function readFaceAdapter(weights: WeightSource, textWidth: number, problems: Problems): FaceAdapter | undefined {
  const dims = (name: string): readonly number[] | undefined => weights.shapes.get(`image_proj.${name}`);
  const refuse = (what: string): undefined => {
    problems.weights(`${weights.name} is ${what}; ${USE}`);
    return undefined;
  };
  const names = [...weights.shapes.keys()];
  const hasLora = names.some((name) => LORA.test(name));

  if (!names.some((name) => name.startsWith('image_proj.')) || !names.some((name) => name.startsWith('ip_adapter.'))) {
    refuse('no IP-Adapter: it has no image_proj.* and ip_adapter.* tensors');
    return;
  }
  if (names.some((name) => name.startsWith('image_proj.perceiver_resampler.'))) {
    refuse('an IP-Adapter FaceID-Plus, which wants an embedding and an image encoder together');
    return;
  }
  if (dims('proj.weight')) {
    refuse('the plain IP-Adapter, which copies whole pictures, not faces');
    return;
  }
  if (dims('proj.3.weight')) {
    refuse('an IP-Adapter full-face, which is not supported');
    return;
  }

  const [outputs] = dims('proj.2.weight') ?? [];
  const [hidden, embedding] = dims('proj.0.weight') ?? [];
  const [width] = dims('norm.weight') ?? [];
  if (outputs !== undefined && hidden !== undefined && embedding !== undefined && width !== undefined) {
    if (width !== textWidth) {
      refuse(`${otherBase(width)}, the base takes ${textWidth}`);
      return;
    }
    const tokens = outputs / width;
    if (tokens === 16 && !hasLora && embedding === 512) {
      refuse('an IP-Adapter FaceID-Portrait, which wants several photos at once');
      return;
    }
    return { route: 'face-id', weights, input: embedding, tokens, hasLora };
  }

  const [, queries, dim] = dims('latents') ?? [];
  const [, states] = dims('proj_in.weight') ?? [];
  const [projected] = dims('proj_out.weight') ?? [];
  const [heads] = dims('layers.0.0.to_q.weight') ?? [];
  const [inner] = dims('layers.0.1.1.weight') ?? [];
  if (queries && dim && states && projected && heads && inner) {
    if (projected !== textWidth) {
      refuse(`${otherBase(projected)}, the base takes ${textWidth}`);
      return;
    }
    if (states === 512) {
      refuse('an InstantID adapter, which wants a ControlNet beside it');
      return;
    }
    const depth = Math.max(...names.map((name) => 1 + Number(/^image_proj\.layers\.(\d+)\./.exec(name)?.[1] ?? -1)));
    const resampler = {
      ...{ dim, depth, dim_head: HEAD_WIDTH, heads: heads / HEAD_WIDTH, num_queries: queries },
      ...{ embedding_dim: states, output_dim: projected, ff_mult: inner / dim },
    };
    return { route: 'image', weights, input: states, tokens: queries, resampler, hasLora };
  }
  refuse('an IP-Adapter of a kind that is not known here');
}

function otherBase(width: number): string {
  const base = { 768: 'for SD1.5', 1024: 'for SD2', 2048: 'for SDXL' }[width] ?? 'for another base';
  return `an adapter ${base}: its tokens are ${width} wide`;
}
