import { AppError, isAppError, type ErrorCode } from '../domain/errors.ts';

/**
 * onnxruntime tells errors by text only. Patterns are of onnxruntime 1.30.0, Dawn, Emscripten and V8; the first that
 * matches decides.
 */
const PATTERNS: readonly (readonly [RegExp, ErrorCode])[] = [
  // webgpuRegisterDevice of onnxruntime-web: an earlier create() died between registering and creating.
  [/another WebGPU EP inference session is being created/i, 'engine-poisoned'],
  [
    /out of memory|bad_alloc|failed to allocate|allocation failed|cannot enlarge memory|Aborted\(OOM\)|array buffer allocation/i,
    'out-of-memory',
  ],
  [/\bdevice\b\W*(is |was )?(lost|destroyed)|lost device|external Instance reference no longer exists/i, 'device-lost'],
  // The wasm file itself did not arrive; Emscripten's text for that may hold "Aborted(" as well.
  [
    /no available backend found|failed to asynchronously prepare wasm|fetching of the wasm failed/i,
    'backend-unavailable',
  ],
  [/memory access out of bounds|unreachable|table index is out of bounds|null function|Aborted\(/i, 'engine-poisoned'],
  [/external data|external initializer|external file/i, 'weights-invalid'],
];

const ADVICE: Partial<Record<ErrorCode, string>> = {
  'engine-poisoned': 'Replace the worker; nothing more can run in this one.',
  'device-lost': 'The GPU device is gone; replace the worker and run again.',
  'out-of-memory': 'Choose a smaller size or a budget that keeps less in memory.',
  'weights-invalid': 'Download the weights again.',
  'backend-unavailable': 'The inference engine could not be loaded; reload the page.',
  'graph-invalid': 'The network and what it was fed do not fit each other.',
};

const REPEATABLE: ReadonlySet<ErrorCode> = new Set<ErrorCode>(['engine-poisoned', 'device-lost']);

/** An error thrown by onnxruntime while doing `action` (e.g. "denoiser: run"), as the house's; an AppError stays as it is. */
export function fromOrtError(error: unknown, action: string): AppError {
  if (isAppError(error)) return error;
  const text = error instanceof Error ? error.message : String(error);
  const code = codeOf(error, text);
  return new AppError(code, `${action} failed. ${ADVICE[code] ?? ''} (${text})`, {
    retryable: REPEATABLE.has(code),
    details: { action },
    cause: error,
  });
}

function codeOf(error: unknown, text: string): ErrorCode {
  // Emscripten throws bare pointers for C++ exceptions that nothing caught: the heap's state is unknown.
  if (typeof error === 'number') return 'engine-poisoned';
  const known = PATTERNS.find(([pattern]) => pattern.test(text));
  if (known) return known[1];
  if (error instanceof Error && error.name === 'RuntimeError') return 'engine-poisoned';
  return 'graph-invalid';
}
