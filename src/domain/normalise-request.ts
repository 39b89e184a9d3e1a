import { AppError } from './errors.ts';
import type { Adjustment, GenerationRequest } from './request.ts';
import {
  pointsAreDistinct,
  REQUEST_FIELDS,
  type DefaultContext,
  type FieldSpec,
  type ModelLimits,
  type RequestField,
} from './request-fields.ts';

/** A wish as it comes from a form, a script or the API's mapping: camelCase, nothing checked. */
export type RequestInput = Readonly<Partial<Record<keyof GenerationRequest, unknown>>>;

export interface FieldProblem {
  readonly field: keyof GenerationRequest;
  /** What would be right, in words. */
  readonly expected: string;
}

export interface NormalisedRequest {
  readonly request: GenerationRequest;
  readonly adjustments: readonly Adjustment[];
}

/** Names for the default face model; the second is the hosted API's face-consistency model. */
export const DEFAULT_APP_ALIASES = ['default', 'ap-SwsTOsD7STxJ0obCkskUHw'] as const;

/**
 * Which installed or known model a wish is for.
 * @throws AppError `unknown-app` with the known ids.
 */
export function resolveAppId(input: unknown, known: readonly string[], fallback: string): string {
  if (input === undefined || (DEFAULT_APP_ALIASES as readonly unknown[]).includes(input)) return fallback;
  if (typeof input === 'string' && known.includes(input)) return input;
  const asked = typeof input === 'string' ? input : JSON.stringify(input);
  throw new AppError('unknown-app', `There is no model "${asked}"; known: ${known.join(', ')}.`, {
    details: { appId: asked, known },
  });
}

/**
 * Checks every field, fills defaults and fits the wish to the model; whatever then differs from the wish is told.
 * @throws AppError `invalid-request` whose details.problems names every bad field at once.
 */
export function normaliseRequest(input: RequestInput, model: ModelLimits, randomSeed: () => number): NormalisedRequest {
  const problems: FieldProblem[] = [];
  const strength = REQUEST_FIELDS.strength.rule.check(input.strength);
  const context: DefaultContext = { model, strength: strength.ok ? strength.value : model.strength, randomSeed };
  const values: Partial<Record<RequestField, unknown>> = {};
  for (const field of Object.keys(REQUEST_FIELDS) as RequestField[]) {
    const spec: FieldSpec<unknown> = REQUEST_FIELDS[field];
    const wish = input[field];
    if (wish === undefined && spec.fallback) {
      values[field] = spec.fallback(context);
      continue;
    }
    const result = spec.rule.check(wish);
    if (result.ok) values[field] = result.value;
    else problems.push({ field, expected: spec.rule.expected });
  }
  // The loop above has filled every field or noted a problem for it.
  const checked = { ...values, appId: model.id } as unknown as GenerationRequest;
  if (checked.facePoints != null && !pointsAreDistinct(checked.facePoints)) {
    problems.push({ field: 'facePoints', expected: 'five points that are not all in one place' });
  }
  if (problems.length > 0) throw invalidRequest(problems);
  return fitToModel(checked, model);
}

/** One error for all bad fields. */
export function invalidRequest(problems: readonly FieldProblem[]): AppError {
  const sentence = problems.map(({ field, expected }) => `${field} must be ${expected}`).join('; ');
  return new AppError('invalid-request', `${sentence}.`, { details: { problems } });
}

function fitToModel(request: GenerationRequest, model: ModelLimits): NormalisedRequest {
  const adjustments: Adjustment[] = [];
  let fitted = request;
  const adjust = (field: 'steps' | 'guidanceScale' | 'denoise', to: number, reason: Adjustment['reason']): void => {
    adjustments.push({ field, from: fitted[field], to, reason });
    fitted = { ...fitted, [field]: to };
  };
  const steps = Math.min(Math.max(fitted.steps, model.steps.min), model.steps.max);
  if (steps !== fitted.steps) adjust('steps', steps, 'steps-limited-by-bundle');
  if (fitted.guidanceScale > model.guidance.max)
    adjust('guidanceScale', model.guidance.max, 'guidance-mapped-to-bundle');
  if (fitted.negativePrompt.trim() !== '' && fitted.guidanceScale <= 1) {
    adjust('guidanceScale', model.guidance.smallestUseful, 'negative-prompt-needs-guidance');
  }
  // A run of N steps needs N distinct timesteps out of 1000.
  const smallestDenoise = fitted.steps / 1000;
  if (fitted.denoise < smallestDenoise) adjust('denoise', smallestDenoise, 'denoise-raised-to-steps');
  return { request: fitted, adjustments };
}
