/** Every field of the request: its range, its default and what it is for, in one place. */
import { INFERENCE_TYPES, type InferenceType } from './compute-budget.ts';
import { flag, integerBetween, listOf, nullable, numberBetween, oneOf, text, type FieldRule } from './field-rules.ts';
import type { FacePoints } from './image.ts';
import { OUTPUT_FORMATS, SCHEDULER_KINDS, type GenerationRequest, type ImageSource } from './request.ts';
import { denoiseFromStrength } from './strength.ts';

/** What a request's defaults and adjustments need to know of the model that will run it. */
export interface ModelLimits {
  readonly id: string;
  readonly native: { readonly width: number; readonly height: number };
  readonly steps: { readonly default: number; readonly min: number; readonly max: number };
  readonly guidance: { readonly default: number; readonly smallestUseful: number; readonly max: number };
  readonly strength: number;
  readonly faceStrength: number;
  readonly scheduler: GenerationRequest['scheduler'];
}

/** What the default of a field may depend on. */
export interface DefaultContext {
  readonly model: ModelLimits;
  readonly strength: number;
  readonly randomSeed: () => number;
}

export interface FieldSpec<T> {
  readonly rule: FieldRule<T>;
  /** Absent = the field is required. */
  readonly fallback?: (context: DefaultContext) => T;
}

export const MAX_REFERENCE_IMAGES = 8;
/** Images per request. */
export const MAX_BATCH = 8;

const imageSource: FieldRule<ImageSource> = {
  expected: 'a picture: an http(s):, data: or blob: URL, or a file',
  check: (value) => {
    if (typeof Blob !== 'undefined' && value instanceof Blob) return { ok: true, value: { kind: 'blob', blob: value } };
    if (typeof value === 'string')
      return isPictureUrl(value) ? { ok: true, value: { kind: 'url', url: value } } : { ok: false };
    return isImageSource(value) ? { ok: true, value } : { ok: false };
  },
};

const facePoints: FieldRule<FacePoints> = {
  expected: 'five points [x, y] in pixels: left eye, right eye, nose, left and right mouth corner',
  check: (value) => {
    if (!Array.isArray(value) || value.length !== 5) return { ok: false };
    const points = value.map(asPoint);
    return points.every((point) => point !== null)
      ? { ok: true, value: points as unknown as FacePoints }
      : { ok: false };
  },
};

const DISTINCT_POINTS_NEED = 1e-6;

function asPoint(value: unknown): { x: number; y: number } | null {
  const pair: unknown[] = Array.isArray(value)
    ? value
    : [(value as { x?: unknown } | null)?.x, (value as { y?: unknown } | null)?.y];
  const [x, y] = pair;
  return pair.length === 2 && Number.isFinite(x) && Number.isFinite(y) ? { x: x as number, y: y as number } : null;
}

function isPictureUrl(value: string): boolean {
  return /^(https?:\/\/[^\s/]|data:|blob:)/i.test(value) && URL.canParse(value);
}

function isImageSource(value: unknown): value is ImageSource {
  if (typeof value !== 'object' || value === null) return false;
  const source = value as { kind?: unknown; url?: unknown; blob?: unknown };
  if (source.kind === 'url') return typeof source.url === 'string' && isPictureUrl(source.url);
  return source.kind === 'blob' && source.blob instanceof Blob;
}

/** `appId` and `image` come first because nothing else makes sense without them. */
export const REQUEST_FIELDS = {
  image: { rule: imageSource },
  referenceImages: { rule: listOf(imageSource, MAX_REFERENCE_IMAGES), fallback: () => [] },
  prompt: { rule: text(4000, true) },
  negativePrompt: { rule: text(4000, false), fallback: () => '' },
  batch: { rule: integerBetween(1, MAX_BATCH), fallback: () => 1 },
  width: { rule: integerBetween(256, 1536), fallback: ({ model }) => model.native.width },
  height: { rule: integerBetween(256, 1536), fallback: ({ model }) => model.native.height },
  steps: { rule: integerBetween(1, 50), fallback: ({ model }) => model.steps.default },
  guidanceScale: { rule: numberBetween(1, 30), fallback: ({ model }) => model.guidance.default },
  strength: { rule: numberBetween(0, 1), fallback: ({ model }) => model.strength },
  denoise: { rule: numberBetween(0, 1), fallback: ({ strength }) => denoiseFromStrength(strength) },
  faceStrength: { rule: numberBetween(0, 2), fallback: ({ model }) => model.faceStrength },
  faceIndex: { rule: nullable(integerBetween(0, 99)), fallback: () => null },
  facePoints: { rule: nullable(facePoints), fallback: () => null },
  keepBackground: { rule: flag, fallback: () => false },
  minLikeness: { rule: nullable(numberBetween(-1, 1)), fallback: () => null },
  maxAttempts: { rule: integerBetween(1, 10), fallback: () => 3 },
  seed: { rule: integerBetween(0, 2 ** 32 - 1), fallback: ({ randomSeed }) => randomSeed() },
  scheduler: { rule: oneOf(SCHEDULER_KINDS), fallback: ({ model }) => model.scheduler },
  inferenceType: { rule: oneOf<InferenceType>(INFERENCE_TYPES), fallback: () => 'a100' },
  celery: { rule: flag, fallback: () => false },
  outputFormat: { rule: oneOf(OUTPUT_FORMATS), fallback: () => 'png' },
} satisfies { [K in Exclude<keyof GenerationRequest, 'appId'>]: FieldSpec<GenerationRequest[K]> };

export type RequestField = keyof typeof REQUEST_FIELDS;

/** Whether the five points span a face at all: a similarity needs two that differ. */
export function pointsAreDistinct(points: FacePoints): boolean {
  const [first] = points;
  return points.some((point) => Math.hypot(point.x - first.x, point.y - first.y) > DISTINCT_POINTS_NEED);
}
