/** Which models are here. A model counts as installed by one record, written after its last chunk. */
import { parseManifest } from '../bundle/open-bundle.ts';
import type { BundleManifest } from '../bundle/manifest.ts';
import { isAppError, type AppError } from '../domain/errors.ts';
import { openKeyValueStore, type KeyValueStore } from '../storage/key-value-store.ts';

export interface ModelRecord {
  readonly id: string;
  /** Folder on the network, ending in a slash, and others with the same files; empty for a model brought as files. */
  readonly bases: readonly string[];
  /** The bundle.json as it came. */
  readonly json: unknown;
  /** `Date.now()` when it was written. */
  readonly savedAt: number;
}

/** `partial` is written before the first chunk: chunks that no record names may be deleted at any time. */
export type RecordState = 'partial' | 'installed';

export class ModelRecords {
  readonly #store: KeyValueStore<unknown>;

  constructor(store: KeyValueStore<unknown> = openKeyValueStore<unknown>('likeness-models')) {
    this.#store = store;
  }

  /** Records that do not stand in the way where the browser keeps nothing; `failure` tells why it does not. */
  forgiving(): { readonly records: ModelRecords; readonly failure: () => AppError | null } {
    let failure: AppError | null = null;
    const store = this.#store;
    const attempt = async <T>(work: () => Promise<T>, otherwise: T): Promise<T> => {
      try {
        return await work();
      } catch (error) {
        if (!isAppError(error, 'storage-unavailable') && !isAppError(error, 'quota-exceeded')) throw error;
        failure = error;
        return otherwise;
      }
    };
    const records = new ModelRecords({
      get: (key) => attempt(() => store.get(key), undefined),
      set: (key, value) => attempt(() => store.set(key, value), undefined),
      delete: (key) => attempt(() => store.delete(key), undefined),
      keys: () => attempt(() => store.keys(), []),
    });
    return { records, failure: () => failure };
  }

  async get(state: RecordState, id: string): Promise<ModelRecord | null> {
    return ((await this.#store.get(`${state}/${id}`)) as ModelRecord | undefined) ?? null;
  }

  async set(state: RecordState, record: ModelRecord): Promise<void> {
    await this.#store.set(`${state}/${record.id}`, record);
  }

  async delete(state: RecordState, id: string): Promise<void> {
    await this.#store.delete(`${state}/${id}`);
  }

  async all(state: RecordState): Promise<readonly ModelRecord[]> {
    const keys = (await this.#store.keys()).filter((key) => key.startsWith(`${state}/`));
    const records = await Promise.all(keys.map((key) => this.#store.get(key)));
    return records.filter((record) => record !== undefined) as ModelRecord[];
  }

  /** Which eighth of a model's chunks is looked at next, 0..7; the following call gets the one after. */
  async nextTurn(id: string): Promise<number> {
    const turn = Number((await this.#store.get(`turn/${id}`)) ?? 0);
    await this.#store.set(`turn/${id}`, (turn + 1) % 8);
    return turn;
  }
}

/** The record's manifest; null when this version cannot read it. */
export function manifestOf(record: ModelRecord | null): BundleManifest | null {
  if (record === null) return null;
  try {
    return parseManifest(record.json);
  } catch {
    return null;
  }
}

/** Whether two manifests describe the same bytes. */
export function isSameRevision(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

export function chunkKeys(manifest: BundleManifest | null): readonly string[] {
  return manifest === null ? [] : manifest.files.flatMap((file) => file.chunks);
}
