/** The API's JSON field names and ours: snake_case stays in this folder. */
import { AppError, isAppError } from '../domain/errors.ts';
import {
  invalidRequest,
  normaliseRequest,
  resolveAppId,
  type FieldProblem,
  type NormalisedRequest,
  type RequestInput,
} from '../domain/normalise-request.ts';
import type { GenerationRequest, ImageSource } from '../domain/request.ts';
import type { ModelLimits } from '../domain/request-fields.ts';

const WIRE_NAMES = {
  app_id: 'appId',
  image: 'image',
  prompt: 'prompt',
  batch: 'batch',
  height: 'height',
  width: 'width',
  num_inference_steps: 'steps',
  guidance_scale: 'guidanceScale',
  negative_prompt: 'negativePrompt',
  strength: 'strength',
  celery: 'celery',
  inference_type: 'inferenceType',
  seed: 'seed',
  face_strength: 'faceStrength',
  denoise: 'denoise',
  reference_images: 'referenceImages',
  face_index: 'faceIndex',
  scheduler: 'scheduler',
  face_points: 'facePoints',
  keep_background: 'keepBackground',
  min_likeness: 'minLikeness',
  max_attempts: 'maxAttempts',
  output_format: 'outputFormat',
} as const satisfies Record<string, keyof GenerationRequest>;

export type WireField = keyof typeof WIRE_NAMES;

/** A request's JSON as a wish; keys the API does not know are left out, null counts as not given. */
export function fromWire(json: Readonly<Record<string, unknown>>): RequestInput {
  const input: Partial<Record<keyof GenerationRequest, unknown>> = {};
  for (const [wire, field] of Object.entries(WIRE_NAMES)) {
    const value = json[wire];
    if (value !== undefined && value !== null) input[field] = value;
  }
  return input;
}

/** The API's name of a field, for error messages and adjustments. */
export function wireName(field: keyof GenerationRequest): WireField {
  const entry = Object.entries(WIRE_NAMES).find(([, ours]) => ours === field);
  if (!entry) throw new RangeError(`No wire name for ${field}`);
  return entry[0] as WireField;
}

/** What has to be known of the models that a request may name. */
export interface RequestContext {
  /** Limits by model id; null = the model is known, but not installed. */
  readonly models: ReadonlyMap<string, ModelLimits | null>;
  /** The model of a request that names none. */
  readonly defaultModel: string;
  readonly randomSeed: () => number;
}

const LONGEST_APP_ID = 200;

/**
 * A request's JSON, checked as a whole.
 * @throws AppError `invalid-request` naming every bad field at once, `unknown-app`, `unavailable` (not installed).
 */
export function parseWireRequest(json: unknown, context: RequestContext): NormalisedRequest {
  if (typeof json !== 'object' || json === null || Array.isArray(json)) {
    throw new AppError('invalid-request', 'The body must be a JSON object with the fields of the request.');
  }
  const { appId: asked, ...input } = fromWire(json as Record<string, unknown>);
  const wrongType = asked !== undefined && (typeof asked !== 'string' || asked.length > LONGEST_APP_ID);
  const known = [...context.models.keys()];
  const appId = resolveAppId(wrongType ? undefined : asked, known, context.defaultModel);
  const limits = context.models.get(appId);
  if (limits == null) {
    throw new AppError('unavailable', `The model "${appId}" is not installed here; install it first.`);
  }
  const badAppId: FieldProblem = { field: 'appId', expected: `the id of a model: ${known.join(', ')}` };
  try {
    const normalised = normaliseRequest(input, limits, context.randomSeed);
    if (wrongType) throw invalidRequest([badAppId]);
    return normalised;
  } catch (error) {
    const problems = isAppError(error, 'invalid-request') ? (error.details.problems as FieldProblem[]) : [];
    if (!wrongType || problems.includes(badAppId)) throw error;
    throw invalidRequest([badAppId, ...problems]);
  }
}

/** A request as it is told; the picture may be gone when the task has ended. */
export type ReportedRequest = Omit<GenerationRequest, 'image'> & { readonly image: ImageSource | null };

/** A request in the API's names, its pictures in words. */
export function toWire(request: ReportedRequest): Readonly<Record<WireField, unknown>> {
  const told: Partial<Record<keyof GenerationRequest, unknown>> = {
    ...request,
    image: request.image && pictureInWords(request.image),
    referenceImages: request.referenceImages.map(pictureInWords),
    facePoints: request.facePoints?.map(({ x, y }) => [x, y]) ?? null,
  };
  const pairs = Object.entries(WIRE_NAMES).map(([wire, field]) => [wire, told[field]]);
  return Object.fromEntries(pairs) as Record<WireField, unknown>;
}

const ALREADY_IN_WORDS = /^data:[^,;]{0,40},\(\d+ characters\)$/;

/** The address of a picture; pictures that came along are named, not repeated. */
export function pictureInWords(source: ImageSource): string {
  if (source.kind === 'blob') return `(a file of ${source.blob.size} bytes)`;
  if (!/^data:/i.test(source.url) || ALREADY_IN_WORDS.test(source.url)) return source.url;
  const type = /^data:([^,;]{0,40})/i.exec(source.url)?.[1] ?? '';
  return `data:${type},(${source.url.length} characters)`;
}
