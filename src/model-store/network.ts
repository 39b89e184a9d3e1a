/** What downloading needs of the world; tests put their own clock and chance in its place. */
import { AppError } from '../domain/errors.ts';

export interface Network {
  readonly fetch: typeof globalThis.fetch;
  /** Milliseconds; only differences count. */
  readonly now: () => number;
  /** Rejects with AppError `cancelled` when the signal is aborted. */
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>;
  /** 0 up to 1. */
  readonly random: () => number;
  /** A connection that brings nothing for so long is given up. */
  readonly stallMs: number;
}

export function browserNetwork(): Network {
  return {
    fetch: globalThis.fetch.bind(globalThis),
    now: () => performance.now(),
    sleep,
    random: Math.random,
    stallMs: 20_000,
  };
}

export function sleep(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(cancelled());
    const stop = (): void => {
      clearTimeout(timer);
      reject(cancelled());
    };
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', stop);
      resolve();
    }, ms);
    signal.addEventListener('abort', stop, { once: true });
  });
}

export function cancelled(): AppError {
  return new AppError('cancelled', 'Loading was stopped.');
}
