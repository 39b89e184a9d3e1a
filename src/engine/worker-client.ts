import { wrap, type Endpoint, type Remote } from 'comlink';
import { AppError } from '../domain/errors.ts';

/** A worker, or a test's stand-in for one. */
export interface WorkerLike extends Endpoint {
  terminate(): void;
}

/** Resolves when the named Web Lock is free, which means that its holder is gone; null where there are no Web Locks. */
export type LockWatch = ((lock: string, signal: AbortSignal) => Promise<void>) | null;

/**
 * One life of one worker. Comlink leaves calls pending for ever when the worker dies, so each call races with `dead`,
 * which rejects on an uncaught error, a message that cannot be read, a freed lock, or `terminate`.
 */
export class WorkerClient<Api extends object> {
  readonly #worker: WorkerLike;
  /** Held for as long as the client lives: comlink drops pending calls of a proxy that was garbage-collected. */
  readonly #api: Remote<Api>;
  readonly #dead: Promise<never>;
  readonly #lockWatch = new AbortController();
  #reject: (error: AppError) => void = () => undefined;
  #alive = true;
  #lastSignOfLife = Date.now();

  constructor(worker: WorkerLike) {
    this.#worker = worker;
    this.#dead = new Promise<never>((_resolve, reject) => {
      this.#reject = reject;
    });
    this.#dead.catch(() => undefined); // calls in flight report it; without calls nobody needs to know
    worker.addEventListener('error', (event) => {
      // A module that cannot be loaded gives an event without a message.
      const message = (event as Partial<ErrorEvent>).message ?? 'its script could not be loaded';
      this.#die(new AppError('worker-crashed', `The generation worker stopped: ${message}.`, { retryable: true }));
    });
    worker.addEventListener('messageerror', () => {
      this.#die(new AppError('worker-crashed', 'A message from the generation worker could not be read.'));
    });
    worker.addEventListener('message', () => {
      this.#lastSignOfLife = Date.now();
    });
    this.#api = wrap<Api>(worker);
  }

  get alive(): boolean {
    return this.#alive;
  }

  /** `Date.now()` of the last message that came from the worker. */
  get lastSignOfLife(): number {
    return this.#lastSignOfLife;
  }

  /** Calls the worker. Throws AppError: the worker's own, or `worker-crashed` (or `terminate`'s) when it dies meanwhile. */
  async call<T>(run: (api: Remote<Api>) => Promise<T>): Promise<T> {
    if (!this.#alive) return this.#dead;
    return Promise.race([run(this.#api), this.#dead]);
  }

  /** Learns of the worker's death from the lock that it holds. */
  watchLock(lock: string, watch: NonNullable<LockWatch>): void {
    watch(lock, this.#lockWatch.signal).then(
      () => {
        this.#die(new AppError('worker-crashed', 'The browser ended the generation worker.', { retryable: true }));
      },
      () => undefined, // aborted by terminate
    );
  }

  /** Ends the worker; calls in flight reject with `reason`. */
  terminate(reason: AppError): void {
    this.#die(reason);
  }

  #die(reason: AppError): void {
    if (!this.#alive) return;
    this.#alive = false;
    this.#lockWatch.abort();
    this.#worker.terminate();
    this.#reject(reason);
  }
}

/** Web Locks as the browser has them. */
export function browserLockWatch(): LockWatch {
  if (!('locks' in navigator)) return null;
  return async (lock, signal) => {
    await navigator.locks.request(lock, { signal }, () => undefined);
  };
}
