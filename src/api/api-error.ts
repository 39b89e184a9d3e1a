/** Errors as the API tells them: which of its few names, which sentence, which HTTP status. */
import { toAppError, type AppError, type ErrorCode } from '../domain/errors.ts';
import type { FieldProblem } from '../domain/normalise-request.ts';
import { wireName } from './wire-request.ts';

/** What `error` may say. */
export const API_ERRORS = [
  'Face Consistent Error',
  'Image URL Error',
  'Input Validation Error',
  'Service Not Found',
  'Task Not Found',
  'Authorization Error',
  'Request Too Large',
  'Rate Limit Error',
  'Service Unavailable',
  'Cancelled',
  'Internal Error',
] as const;
export type ApiErrorName = (typeof API_ERRORS)[number];

/** One failure, ready for the envelope and the HTTP answer. */
export interface ApiError {
  readonly error: ApiErrorName;
  readonly errorData: string;
  readonly httpStatus: number;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Failures of HTTP itself, which the house knows no code for: wrong path, method, origin, content type. */
export class HttpRefusal extends Error implements ApiError {
  override readonly name = 'HttpRefusal';
  readonly error: ApiErrorName;
  readonly errorData: string;
  readonly httpStatus: number;
  readonly headers: Readonly<Record<string, string>>;

  constructor(httpStatus: number, error: ApiErrorName, errorData: string, headers: Record<string, string> = {}) {
    super(errorData);
    this.httpStatus = httpStatus;
    this.error = error;
    this.errorData = errorData;
    this.headers = headers;
  }
}

const NAMED: Partial<Record<ErrorCode, readonly [ApiErrorName, number]>> = {
  'no-face': ['Face Consistent Error', 422],
  'image-unreachable': ['Image URL Error', 422],
  'image-cors-blocked': ['Image URL Error', 422],
  'image-not-an-image': ['Image URL Error', 422],
  'image-unsupported': ['Image URL Error', 422],
  'image-too-large': ['Image URL Error', 422],
  'image-corrupt': ['Image URL Error', 422],
  'invalid-request': ['Input Validation Error', 422],
  'unknown-app': ['Service Not Found', 404],
  unauthorized: ['Authorization Error', 401],
  'payload-too-large': ['Request Too Large', 413],
  'rate-limited': ['Rate Limit Error', 429],
  unavailable: ['Service Unavailable', 503],
  cancelled: ['Cancelled', 409],
};

/** The hosted API's sentence. */
const NO_FACE = 'Unable to detect faces. Please provide a clear image.';

/** Any thrown value as the API tells it; what has no name of its own is an internal error with its code. */
export function toApiError(thrown: unknown): ApiError {
  if (thrown instanceof HttpRefusal) return thrown;
  const error = toAppError(thrown);
  const named = NAMED[error.code];
  if (named === undefined) {
    // What nobody has put in words may hold paths or values of this machine.
    const reason = error.code === 'internal' ? 'Something unexpected went wrong.' : error.message;
    return { error: 'Internal Error', errorData: `${reason} (${error.code})`, httpStatus: 500 };
  }
  const [name, httpStatus] = named;
  return { error: name, errorData: sentence(error), httpStatus, headers: headersOf(error) };
}

function sentence(error: AppError): string {
  if (error.code === 'no-face') return NO_FACE;
  const problems = error.details.problems as readonly FieldProblem[] | undefined;
  if (error.code !== 'invalid-request' || problems === undefined) return error.message;
  return `${problems.map(({ field, expected }) => `${wireName(field)} must be ${expected}`).join('; ')}.`;
}

function headersOf({ code, details }: AppError): Record<string, string> {
  if (code === 'unauthorized') return { 'WWW-Authenticate': 'Bearer' };
  const { retryAfterSeconds } = details;
  return typeof retryAfterSeconds === 'number' ? { 'Retry-After': String(Math.ceil(retryAfterSeconds)) } : {};
}
