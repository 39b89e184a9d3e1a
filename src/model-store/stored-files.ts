import type { BundleFile } from '../bundle/integrity.ts';
import { AppError } from '../domain/errors.ts';
import type { BundleFiles, ChunkStore } from '../domain/ports.ts';
import type { WantedChunk } from './fetch-chunk.ts';
import type { InstallTarget } from './install.ts';

/** The files of one manifest over verified chunks. */
export class StoredFiles implements BundleFiles {
  readonly #files: ReadonlyMap<string, BundleFile>;
  readonly #manifest: Uint8Array;
  readonly #chunks: ChunkStore;
  readonly #repair: (wanted: WantedChunk) => Promise<void>;

  /** `repair` brings a chunk that the browser has dropped since the model was opened. */
  constructor({ manifest, json }: InstallTarget, chunks: ChunkStore, repair: (wanted: WantedChunk) => Promise<void>) {
    this.#files = new Map(manifest.files.map((file) => [file.path, file]));
    this.#manifest = new TextEncoder().encode(JSON.stringify(json));
    this.#chunks = chunks;
    this.#repair = repair;
  }

  /** The whole file in one buffer. From disk the browser fills it; else one chunk after the other is copied into it. */
  async read(path: string): Promise<Uint8Array> {
    if (path === 'bundle.json') return this.#manifest.slice();
    const file = this.#file(path);
    if (this.#chunks.blobsOnDisk) {
      // A Blob whose file is gone shows when it is read.
      const blob = await this.#joined(file, (key) => this.#chunks.blob(key));
      const whole = await blob.arrayBuffer().catch(() => null);
      if (whole?.byteLength === file.bytes) return new Uint8Array(whole);
    }
    const bytes = new Uint8Array(file.bytes);
    for (let index = 0; index < file.chunks.length; index++) {
      const chunk = await this.#chunk({ file, index }, (key) => this.#chunks.get(key));
      bytes.set(chunk, index * file.chunkBytes);
    }
    return bytes;
  }

  /** The chunks in a row, each where it lies. */
  async blob(path: string): Promise<Blob> {
    return this.#joined(this.#file(path), (key) => this.#readable(key));
  }

  async #joined(file: BundleFile, get: (key: string) => Promise<Blob | undefined>): Promise<Blob> {
    return new Blob(await Promise.all(file.chunks.map((_, index) => this.#chunk({ file, index }, get))));
  }

  #file(path: string): BundleFile {
    const file = this.#files.get(path);
    if (file !== undefined) return file;
    throw new AppError('bundle-missing-file', `bundle.json lists no file ${path}; rebuild the bundle.`, {
      details: { file: path },
    });
  }

  async #chunk<T>(wanted: WantedChunk, get: (key: string) => Promise<T | undefined>): Promise<T> {
    const key = wanted.file.chunks[wanted.index]!;
    const first = await get(key);
    if (first !== undefined) return first;
    await this.#repair(wanted);
    const second = await get(key);
    if (second !== undefined) return second;
    throw new AppError('storage-unavailable', `The browser lost ${wanted.file.path} right after storing it.`, {
      retryable: true,
    });
  }

  /** A Blob outlives its file on disk; reading its end tells. */
  async #readable(key: string): Promise<Blob | undefined> {
    const blob = await this.#chunks.blob(key);
    const end = await blob
      ?.slice(-1)
      .arrayBuffer()
      .catch(() => null);
    return end === null ? undefined : blob;
  }
}
