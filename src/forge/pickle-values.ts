/** What a pickle may hold here: plain data and, opaque to the machine, what its world makes of the names it asks for. */

export type PickleValue = null | boolean | number | string | readonly PickleValue[] | PickleDict | PickledObject;

/** Something that the world made: a tensor, a storage, a name it knows. */
export interface PickledObject {
  readonly kind: string;
}

export type PickleKey = string | number;

/** A dictionary; most in a state dict are the empty ones of hooks, so the table comes with the first entry. */
export class PickleDict {
  #entries: Map<PickleKey, PickleValue> | undefined;

  get isEmpty(): boolean {
    return this.#entries === undefined;
  }

  get(key: PickleKey): PickleValue | undefined {
    return this.#entries?.get(key);
  }

  /** Throws PickleError for a key that is there. */
  add(key: PickleKey, value: PickleValue): void {
    const entries = (this.#entries ??= new Map<PickleKey, PickleValue>());
    if (entries.has(key)) throw new PickleError(`the key ${String(key).slice(0, 120)} comes twice`);
    entries.set(key, value);
  }

  forEach(visit: (value: PickleValue, key: PickleKey) => void): void {
    this.#entries?.forEach(visit);
  }
}

/** A name that the pickle may use; one without `call` is only passed on. */
export interface PickleName extends PickledObject {
  readonly kind: 'name';
  readonly name: string;
  /** What calling it means. */
  readonly call?: (args: readonly PickleValue[]) => PickleValue;
  /** Bytes that a call allocates. */
  readonly cost: number;
}

export interface PickleWorld {
  /** Throws PickleError for every name that it does not know. */
  lookUp(name: string): PickleName;
  /** What a persistent id (an object outside the pickle) stands for. */
  load(id: PickleValue): PickleValue;
}

/** A pickle that is refused. The message is a sentence without its full stop. */
export class PickleError extends Error {
  override readonly name = 'PickleError';
}

/** Keeps what a pickle makes in proportion to its file: a few bytes can ask for a lot. */
export class PickleBudget {
  #left: number;

  /** @param bytes of memory, estimated. */
  constructor(bytes: number) {
    this.#left = bytes;
  }

  spend(bytes: number): void {
    this.#left -= bytes;
    if (this.#left < 0) throw new PickleError('it asks for far more memory than its size warrants');
  }
}

export function isName(value: PickleValue | undefined): value is PickleName {
  return isObject(value) && value.kind === 'name';
}

export function isObject(value: PickleValue | undefined): value is PickledObject {
  return typeof value === 'object' && value !== null && 'kind' in value;
}
