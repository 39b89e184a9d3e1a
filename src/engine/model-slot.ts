import { AppError } from '../domain/errors.ts';

/** What the slot needs of a model: that its memory can be given back. */
export interface Closable {
  close(): Promise<void>;
}

interface Held<M> {
  readonly id: string;
  readonly model: Promise<M>;
  /** Ends the loading. */
  readonly stop: AbortController;
  loaded: boolean;
  users: number;
}

/**
 * One model at a time. Another one is loaded when the last user of the present one has finished, which is then closed.
 * Users of one model work side by side; a change waits its turn, and who comes after it waits behind it. A model that is
 * still loading when another is wanted stops loading.
 */
export class ModelSlot<M extends Closable> {
  readonly #load: (id: string, signal: AbortSignal) => Promise<M>;
  #held: Held<M> | null = null;
  /** Settles when all changes asked for so far have happened. */
  #changes: Promise<void> = Promise.resolve();
  #pending = 0;
  #free: () => void = () => undefined;

  constructor(load: (id: string, signal: AbortSignal) => Promise<M>) {
    this.#load = load;
  }

  /** Id of the model that is there, or on its way. */
  get id(): string | null {
    return this.#held?.id ?? null;
  }

  /**
   * Gives `work` the model. Loading stops when nobody waits for it any more: the signals of all are aborted.
   * Throws AppError `cancelled`, and what loading throws; the next call then loads anew.
   */
  async use<T>(id: string, work: (model: M) => Promise<T> | T, signal?: AbortSignal): Promise<T> {
    const held = await this.#enter(id);
    try {
      return await work(await untilAborted(held.model, signal));
    } finally {
      held.users -= 1;
      if (held.users === 0) {
        if (!held.loaded) held.stop.abort(); // nobody waits for it any more
        this.#free();
      }
    }
  }

  async #enter(id: string): Promise<Held<M>> {
    if (this.#pending === 0 && this.#held?.id === id) return this.#join(this.#held);
    this.#pending += 1;
    const change = this.#changes.then(() => this.#change(id));
    this.#changes = change.then(
      () => undefined,
      () => undefined,
    );
    return change.finally(() => (this.#pending -= 1));
  }

  async #change(id: string): Promise<Held<M>> {
    const present = this.#held;
    if (present?.id === id) return this.#join(present);
    if (present !== null) {
      if (!present.loaded) present.stop.abort();
      if (present.users > 0) await new Promise<void>((resolve) => (this.#free = resolve));
      this.#held = null;
      const model = await present.model.catch(() => null);
      await model?.close().catch(() => undefined); // a broken engine is told by the next run
    }
    const stop = new AbortController();
    const held: Held<M> = { id, model: this.#load(id, stop.signal), stop, loaded: false, users: 0 };
    this.#held = held;
    held.model.then(
      () => (held.loaded = true),
      () => {
        if (this.#held === held) this.#held = null;
      },
    );
    return this.#join(held);
  }

  #join(held: Held<M>): Held<M> {
    held.users += 1;
    return held;
  }
}

/** The model, or the end of waiting for it. */
function untilAborted<M>(model: Promise<M>, signal: AbortSignal | undefined): Promise<M> {
  if (signal === undefined) return model;
  return new Promise((resolve, reject) => {
    const stop = (): void => reject(new AppError('cancelled', 'Cancelled while the model was loading.'));
    if (signal.aborted) return stop();
    signal.addEventListener('abort', stop, { once: true });
    model.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop));
  });
}
