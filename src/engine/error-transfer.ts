import { transferHandlers, type TransferHandler } from 'comlink';
import { AppError, toAppError, type ErrorCode } from '../domain/errors.ts';

interface SentError {
  readonly code: ErrorCode;
  readonly message: string;
  readonly retryable: boolean;
  readonly details: Readonly<Record<string, unknown>>;
  readonly stack: string | undefined;
}

/**
 * Comlink keeps only name, message and stack of a thrown error. Replaces its `throw` handler so that every error arrives
 * as an AppError with code and details. Call once on both sides, before `expose` and `wrap`.
 */
export function installErrorTransfer(): void {
  const original = transferHandlers.get('throw');
  if (original === undefined) throw new Error('comlink has no throw handler; its version does not fit this file.');
  const handler: TransferHandler<{ value: unknown }, SentError> = {
    canHandle: (value): value is { value: unknown } => original.canHandle(value),
    serialize: ({ value }) => [toSent(value), []],
    deserialize: (sent): never => {
      throw fromSent(sent);
    },
  };
  transferHandlers.set('throw', handler);
}

function toSent(thrown: unknown): SentError {
  const error = toAppError(thrown);
  return {
    code: error.code,
    message: error.message,
    retryable: error.retryable,
    details: cloneable(error.details),
    stack: error.stack,
  };
}

function fromSent(sent: SentError): AppError {
  const error = new AppError(sent.code, sent.message, { retryable: sent.retryable, details: sent.details });
  if (sent.stack !== undefined) error.stack = sent.stack;
  return error;
}

/** An error must never fail to cross because of what it carries. */
function cloneable(details: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  try {
    return structuredClone(details);
  } catch {
    return {};
  }
}
