/**
 * The request as the house understands it: the API's fields, normalised, camelCase. Every field's default, range and
 * reason lives in `request-fields.ts`; `normalise-request.ts` turns wishes into this.
 */
import type { InferenceType } from './compute-budget.ts';
import type { FacePoints } from './image.ts';

export const SCHEDULER_KINDS = ['ddim', 'lcm', 'euler', 'dpmpp-2m'] as const;
export type SchedulerKind = (typeof SCHEDULER_KINDS)[number];

export const OUTPUT_FORMATS = ['png', 'webp', 'jpeg'] as const;
export type OutputFormat = (typeof OUTPUT_FORMATS)[number];

/** Where a reference picture comes from: http(s):, data: or blob: URL, or bytes at hand. */
export type ImageSource =
  { readonly kind: 'url'; readonly url: string } | { readonly kind: 'blob'; readonly blob: Blob };

export interface GenerationRequest {
  /** Resolved bundle id. */
  readonly appId: string;
  readonly image: ImageSource;
  /** More photos of the same person; embeddings are averaged. */
  readonly referenceImages: readonly ImageSource[];
  readonly prompt: string;
  readonly negativePrompt: string;
  /** Images, 1..8. Image k uses seed (seed + k) mod 2³². */
  readonly batch: number;
  /** Exact size of the answer's images in pixels, 256..1536. */
  readonly width: number;
  readonly height: number;
  /** Denoising steps, 1..50. */
  readonly steps: number;
  /** 1..30; 1 = no guidance. */
  readonly guidanceScale: number;
  /** 0..1, higher = closer to the reference. */
  readonly strength: number;
  /** 0..1 (diffusers' strength): what `strength` implies unless given. */
  readonly denoise: number;
  /** Adapter scale 0..2; 0 = no face conditioning. */
  readonly faceStrength: number;
  /** Which face when the photo shows several, by descending area; null = the largest. */
  readonly faceIndex: number | null;
  /** A face placed by hand, in reference pixels. */
  readonly facePoints: FacePoints | null;
  readonly keepBackground: boolean;
  /** −1..1; images below are drawn again, up to `maxAttempts`. */
  readonly minLikeness: number | null;
  readonly maxAttempts: number;
  /** u32. */
  readonly seed: number;
  readonly scheduler: SchedulerKind;
  readonly inferenceType: InferenceType;
  readonly celery: boolean;
  readonly outputFormat: OutputFormat;
}

/** Something that differs from what was asked for, and why. Normalising never changes a wish silently. */
export interface Adjustment {
  readonly field: keyof GenerationRequest;
  readonly from: unknown;
  readonly to: unknown;
  readonly reason: AdjustmentReason;
}

export const ADJUSTMENT_REASONS = [
  'guidance-mapped-to-bundle',
  'negative-prompt-needs-guidance',
  'denoise-raised-to-steps',
  'steps-limited-by-bundle',
  'reference-scaled-down',
  'face-cut-by-crop',
  'budget-exceeds-device',
  'quality-pack-missing',
  'rendered-at-native-size',
  'placed-face-used',
  'prompt-truncated',
  'unknown-words',
] as const;
export type AdjustmentReason = (typeof ADJUSTMENT_REASONS)[number];
