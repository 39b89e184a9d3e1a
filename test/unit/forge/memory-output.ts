import { createHash } from 'node:crypto';
import type { ForgeOutput } from '../../../src/forge/file-writer.ts';

/** A bundle in memory. */
export class MemoryOutput implements ForgeOutput {
  readonly #files = new Map<string, Uint8Array[]>();

  append(path: string, bytes: Uint8Array): Promise<void> {
    this.#files.set(path, [...(this.#files.get(path) ?? []), bytes]);
    return Promise.resolve();
  }

  newSha256() {
    const hash = createHash('sha256');
    return { update: (bytes: Uint8Array) => void hash.update(bytes), hex: () => hash.digest('hex') };
  }

  paths(): string[] {
    return [...this.#files.keys()];
  }

  file(path: string): Uint8Array<ArrayBuffer> {
    return Uint8Array.from(Buffer.concat(this.#files.get(path) ?? []));
  }
}
