import { chunkLength } from '../bundle/integrity.ts';
import type { BundleManifest } from '../bundle/manifest.ts';
import type { WantedChunk } from './fetch-chunk.ts';

/** The chunks of a manifest by key; equal chunks are stored once and count as often as they occur. */
export class ChunkPlan {
  readonly totalBytes: number;
  /** One place for each key, in the order of the files. */
  readonly chunks: readonly WantedChunk[];
  readonly #bytes = new Map<string, number>();

  constructor({ files }: BundleManifest) {
    this.totalBytes = files.reduce((sum, file) => sum + file.bytes, 0);
    const chunks: WantedChunk[] = [];
    for (const file of files) {
      file.chunks.forEach((key, index) => {
        if (!this.#bytes.has(key)) chunks.push({ file, index });
        this.#bytes.set(key, (this.#bytes.get(key) ?? 0) + chunkLength(file, index));
      });
    }
    this.chunks = chunks;
  }

  bytesOf(key: string): number {
    return this.#bytes.get(key) ?? 0;
  }

  missing(kept: ReadonlySet<string>): readonly WantedChunk[] {
    return this.chunks.filter(({ file, index }) => !kept.has(file.chunks[index]!));
  }

  keptBytes(kept: ReadonlySet<string>): number {
    return (
      this.totalBytes - this.missing(kept).reduce((sum, { file, index }) => sum + this.bytesOf(file.chunks[index]!), 0)
    );
  }
}
