/** The API's JSON field names and ours: snake_case stays in this folder. */
import type { GenerationRequest } from '../domain/request.ts';
import type { RequestInput } from '../domain/normalise-request.ts';

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
