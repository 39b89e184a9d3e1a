/**
 * One error class for the whole house. The code is the contract: user text and HTTP status are looked up by it,
 * and it survives the worker boundary, where prototypes do not.
 */

export const ERROR_CODES = [
  'no-face',
  'image-unreachable',
  'image-cors-blocked',
  'image-not-an-image',
  'image-unsupported',
  'image-too-large',
  'image-corrupt',
  'invalid-request',
  'unknown-app',
  'unauthorized',
  'payload-too-large',
  'rate-limited',
  'unavailable',
  'bundle-invalid',
  'bundle-missing-file',
  'integrity',
  'download-failed',
  'storage-unavailable',
  'quota-exceeded',
  'model-in-use',
  'out-of-memory',
  'device-lost',
  'engine-poisoned',
  'engine-hung',
  'worker-crashed',
  'backend-unavailable',
  'weights-invalid',
  'graph-invalid',
  'submit-uncertain',
  'cancelled',
  'internal',
] as const;

export type ErrorCode = (typeof ERROR_CODES)[number];

export interface AppErrorOptions {
  /** Whether the same call may succeed when repeated unchanged. Default false. */
  readonly retryable?: boolean;
  /** Plain data for the message in the person's language; structured-cloneable, free of faces, embeddings and tokens. */
  readonly details?: Readonly<Record<string, unknown>>;
  readonly cause?: unknown;
}

/** An expected failure. `message` is for developers and says what to do; user text is looked up by `code`. */
export class AppError extends Error {
  override readonly name = 'AppError';
  readonly code: ErrorCode;
  readonly retryable: boolean;
  readonly details: Readonly<Record<string, unknown>>;

  constructor(code: ErrorCode, message: string, options: AppErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.retryable = options.retryable ?? false;
    this.details = options.details ?? {};
  }
}

/** Matches by brand and code, not by `instanceof`: errors cross realms. */
export function isAppError(error: unknown, code?: ErrorCode): error is AppError {
  if (typeof error !== 'object' || error === null) return false;
  const candidate = error as { name?: unknown; code?: unknown };
  if (candidate.name !== 'AppError') return false;
  if (typeof candidate.code !== 'string' || !ERROR_CODES.includes(candidate.code as ErrorCode)) return false;
  return code === undefined || candidate.code === code;
}

/** Any thrown value as an AppError; what is not one already becomes `internal` with the original as cause. */
export function toAppError(error: unknown): AppError {
  if (isAppError(error)) return error;
  const message = error instanceof Error ? error.message : String(error);
  return new AppError('internal', message, { cause: error });
}
