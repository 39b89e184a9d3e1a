/**
 * The one door to IndexedDB. One database per concern, because idb-keyval cannot add a second store to a database.
 * Every method throws AppError `quota-exceeded` when the disk share is full, `storage-unavailable` when there is no
 * IndexedDB or it refuses (private windows, blocked site data, another version of the page open).
 */
import { createStore, del, get, keys, set, type UseStore } from 'idb-keyval';
import { AppError, isAppError } from '../domain/errors.ts';

export interface KeyValueStore<T> {
  get(key: string): Promise<T | undefined>;
  /** Resolves when the transaction is complete. */
  set(key: string, value: T): Promise<void>;
  delete(key: string): Promise<void>;
  keys(): Promise<string[]>;
}

/** A store of structured-cloneable values; the database is opened at the first call. */
export function openKeyValueStore<T>(database: string): KeyValueStore<T> {
  let store: UseStore | undefined;
  const withStore = async <R>(work: (store: UseStore) => Promise<R>): Promise<R> => {
    try {
      store ??= createStore(database, 'entries');
      return await work(store);
    } catch (error) {
      // Firefox refuses every later write on a connection that met its quota; the next call opens a new one.
      if (nameOf(error) === 'QuotaExceededError') store = undefined;
      throw storageError(error, database);
    }
  };
  return {
    get: (key) => withStore((entries) => get<T>(key, entries)),
    set: (key, value) => withStore((entries) => set(key, value, entries)),
    delete: (key) => withStore((entries) => del(key, entries)),
    keys: () => withStore((entries) => keys<string>(entries)),
  };
}

/** Names are compared, not classes: Chromium 138 and later have a QuotaExceededError class of its own. */
function storageError(error: unknown, database: string): AppError {
  if (isAppError(error)) return error;
  const message = error instanceof Error ? error.message : String(error);
  const name = nameOf(error);
  if (name === 'QuotaExceededError') {
    return new AppError(
      'quota-exceeded',
      'The browser has no room left for this site; free disk space or remove models.',
      {
        details: { database },
        cause: error,
      },
    );
  }
  return new AppError('storage-unavailable', `The browser does not let this site store data (${name}: ${message}).`, {
    details: { database },
    cause: error,
  });
}

function nameOf(error: unknown): string {
  return error instanceof Error ? error.name : 'Error';
}
