import type { KeptRequest } from '../domain/kept-tasks.ts';
import { MAX_BATCH } from '../domain/request-fields.ts';
import type { GenerationRequest, ImageSource } from '../domain/request.ts';

/**
 * What each field of a kept request has to be. Not the request's own rules: those are for wishes, and a model's defaults
 * may lie outside of them, e.g. a native size below the least that one may wish for.
 */
const FIELDS: { readonly [K in keyof GenerationRequest]: (value: unknown) => boolean } = {
  appId: isText,
  image: (value) => value === null || isSource(value),
  referenceImages: (value) => Array.isArray(value) && value.every(isSource),
  prompt: isText,
  negativePrompt: isText,
  batch: (value) => Number.isInteger(value) && Number(value) >= 1 && Number(value) <= MAX_BATCH,
  width: isNumber,
  height: isNumber,
  steps: isNumber,
  guidanceScale: isNumber,
  strength: isNumber,
  denoise: isNumber,
  faceStrength: isNumber,
  faceIndex: isNumberOrNull,
  facePoints: (value) => value === null || (Array.isArray(value) && value.length === 5),
  keepBackground: isFlag,
  minLikeness: isNumberOrNull,
  maxAttempts: isNumber,
  seed: isNumber,
  scheduler: isText,
  inferenceType: isText,
  celery: isFlag,
  outputFormat: isText,
};

/** Whether what was kept is a request still, with its picture. */
export function isRequest(value: unknown): value is GenerationRequest {
  return isKeptRequest(value) && value.image !== null;
}

/** As `isRequest`, but the person's picture may be gone. */
export function isKeptRequest(value: unknown): value is KeptRequest {
  if (typeof value !== 'object' || value === null) return false;
  const fields = value as Readonly<Record<string, unknown>>;
  return Object.entries(FIELDS).every(([field, fits]) => fits(fields[field]));
}

function isSource(value: unknown): value is ImageSource {
  const { kind, url, blob } = (value ?? {}) as Readonly<Record<string, unknown>>;
  return kind === 'url' ? typeof url === 'string' : kind === 'blob' && blob instanceof Blob;
}

function isText(value: unknown): boolean {
  return typeof value === 'string';
}

function isNumber(value: unknown): boolean {
  return Number.isFinite(value);
}

function isNumberOrNull(value: unknown): boolean {
  return value === null || isNumber(value);
}

function isFlag(value: unknown): boolean {
  return typeof value === 'boolean';
}
