import { isAppError, type AppError } from '../domain/errors.ts';

/**
 * The one way into onnxruntime: create, run, download and release take turns, and nothing enters after a fatal
 * failure. onnxruntime-web's wasm state is a singleton that hangs or dies when two calls overlap, so every runner of
 * one namespace shares one gate.
 */
export class InferenceGate {
  #tail: Promise<unknown> = Promise.resolve();
  #failure: AppError | null = null;
  /**
   * Fails the call that is inside. A race against one promise of failure would keep every result in memory for as long as
   * that promise lives, because nothing takes a race's reactions away again.
   */
  #rejectInside: (error: AppError) => void = () => undefined;

  /** What made this engine unusable; null while it works. */
  get failure(): AppError | null {
    return this.#failure;
  }

  /** Marks the engine unusable: whoever is inside or waiting gets `error`. The first failure stays. */
  fail(error: AppError): void {
    if (this.#failure !== null) return;
    this.#failure = error;
    this.#rejectInside(error);
  }

  /**
   * Runs `task` when all earlier ones are over. Throws what `task` throws; `device-lost` and `engine-poisoned` close
   * the gate for good (the worker has to be replaced), also while a task hangs inside.
   */
  enter<T>(task: () => Promise<T> | T): Promise<T> {
    const turn = this.#tail.then(async () => {
      if (this.#failure !== null) throw this.#failure;
      try {
        return await new Promise<T>((resolve, reject) => {
          this.#rejectInside = reject;
          Promise.resolve(task()).then(resolve, reject);
        });
      } catch (error) {
        if (isAppError(error, 'device-lost') || isAppError(error, 'engine-poisoned')) this.fail(error);
        throw error;
      } finally {
        this.#rejectInside = () => undefined;
      }
    });
    this.#tail = turn.then(
      () => undefined,
      () => undefined,
    );
    return turn;
  }
}
