import type { BundleFile } from '../bundle/integrity.ts';
import type { BundleManifest } from '../bundle/manifest.ts';
import { AppError, isAppError, toAppError } from '../domain/errors.ts';
import type { BundleFiles, ChunkStore } from '../domain/ports.ts';
import { downloadFile } from './download.ts';

/** Files fetched at the same time; each holds one chunk in memory. */
const PARALLEL_FILES = 3;

export interface LoadProgress {
  /** Bytes whose SHA-256 has been checked, now or on an earlier visit. */
  readonly verifiedBytes: number;
  readonly totalBytes: number;
}

/** The files of one manifest over verified chunks. */
export class StoredFiles implements BundleFiles {
  readonly #files: ReadonlyMap<string, BundleFile>;
  readonly #manifest: Uint8Array;
  readonly #baseUrl: string;
  readonly #chunks: ChunkStore;
  readonly #fetch: typeof globalThis.fetch;

  constructor(
    manifest: BundleManifest,
    json: unknown,
    baseUrl: string,
    chunks: ChunkStore,
    fetch: typeof globalThis.fetch,
  ) {
    this.#files = new Map(manifest.files.map((file) => [file.path, file]));
    this.#manifest = new TextEncoder().encode(JSON.stringify(json));
    this.#baseUrl = baseUrl;
    this.#chunks = chunks;
    this.#fetch = fetch;
  }

  /**
   * Downloads every file of which a chunk is missing.
   * Throws AppError `download-failed`, `integrity`, `cancelled`: the first one, after the other downloads have stopped.
   */
  async loadMissing(onProgress: (progress: LoadProgress) => void, signal?: AbortSignal): Promise<void> {
    const kept = new Set(await this.#chunks.keys());
    const files = [...this.#files.values()];
    const missing = files.filter((file) => file.chunks.some((key) => !kept.has(key)));
    const totalBytes = files.reduce((sum, file) => sum + file.bytes, 0);
    let verifiedBytes = totalBytes - missing.reduce((sum, file) => sum + file.bytes, 0);
    const advance = (bytes: number): void => {
      verifiedBytes += bytes;
      onProgress({ verifiedBytes, totalBytes });
    };
    advance(0);

    // The first failure stops the other downloads.
    const stop = new AbortController();
    const both = signal === undefined ? stop.signal : AbortSignal.any([signal, stop.signal]);
    const queue = [...missing];
    const worker = async (): Promise<void> => {
      for (let file = queue.shift(); file !== undefined; file = queue.shift()) await this.#load(file, both, advance);
    };
    const workers = Array.from({ length: PARALLEL_FILES }, () =>
      worker().catch((error: unknown) => {
        stop.abort();
        throw error;
      }),
    );
    const errors: unknown[] = [];
    for (const result of await Promise.allSettled(workers))
      if (result.status === 'rejected') errors.push(result.reason);
    if (errors.length > 0) throw toAppError(errors.find((error) => !isAppError(error, 'cancelled')) ?? errors[0]);
  }

  async read(path: string): Promise<Uint8Array> {
    if (path === 'bundle.json') return this.#manifest.slice();
    const parts = await this.#parts(path);
    const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
    let offset = 0;
    for (const part of parts) {
      bytes.set(part, offset);
      offset += part.length;
    }
    return bytes;
  }

  async blob(path: string): Promise<Blob> {
    // Chunks come from ArrayBuffers of our own; see indexedDbChunkStore.
    return new Blob((await this.#parts(path)) as Uint8Array<ArrayBuffer>[]);
  }

  async #parts(path: string): Promise<Uint8Array[]> {
    const file = this.#files.get(path);
    if (file === undefined) {
      throw new AppError('bundle-missing-file', `bundle.json lists no file ${path}; rebuild the bundle.`, {
        details: { file: path },
      });
    }
    const first = await this.#kept(file);
    if (first !== null) return first;
    // The browser dropped a chunk since the bundle was opened.
    await this.#load(file, undefined, () => undefined);
    const second = await this.#kept(file);
    if (second !== null) return second;
    throw new AppError('storage-unavailable', `The browser lost ${path} right after storing it.`, { retryable: true });
  }

  async #kept(file: BundleFile): Promise<Uint8Array[] | null> {
    const parts: Uint8Array[] = [];
    for (const key of file.chunks) {
      const part = await this.#chunks.get(key);
      if (part === undefined) return null;
      parts.push(part);
    }
    return parts;
  }

  async #load(file: BundleFile, signal: AbortSignal | undefined, advance: (bytes: number) => void): Promise<void> {
    const url = new URL(file.path, this.#baseUrl).href;
    const keep = async (key: string, bytes: Uint8Array): Promise<void> => {
      const { length } = bytes;
      await this.#chunks.set(key, bytes);
      advance(length);
    };
    await downloadFile(url, file, keep, { fetch: this.#fetch, signal });
  }
}
