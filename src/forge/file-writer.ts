/** Writing of a bundle's files, with the hashes that the manifest wants. */
import { CHUNK_BYTES, sha256Hex, type BundleFile } from '../bundle/integrity.ts';

export interface StreamingHash {
  update(bytes: Uint8Array): void;
  /** Lower-case hex; ends the hash. */
  hex(): string;
}

/** Where a bundle goes: a folder in Node, the model store in a browser. */
export interface ForgeOutput {
  /** Adds bytes to the end of a file, which the first call creates. The bytes may be kept; they are not written again. */
  append(path: string, bytes: Uint8Array): Promise<void>;
  /** A SHA-256 over more bytes than fit into memory, which Web Crypto cannot do. */
  newSha256(): StreamingHash;
}

/** One file, handed over in chunks; at most one chunk is in memory. */
export class FileWriter {
  readonly #path: string;
  readonly #output: ForgeOutput;
  readonly #hash: StreamingHash;
  readonly #chunks: string[] = [];
  #chunk = new Uint8Array(CHUNK_BYTES);
  #filled = 0;
  #length = 0;

  constructor(path: string, output: ForgeOutput) {
    this.#path = path;
    this.#output = output;
    this.#hash = output.newSha256();
  }

  /** Bytes so far. */
  get length(): number {
    return this.#length;
  }

  async append(bytes: Uint8Array): Promise<void> {
    this.#length += bytes.length;
    for (let used = 0; used < bytes.length;) {
      const taken = Math.min(bytes.length - used, CHUNK_BYTES - this.#filled);
      this.#chunk.set(bytes.subarray(used, used + taken), this.#filled);
      this.#filled += taken;
      used += taken;
      if (this.#filled === CHUNK_BYTES) await this.#flush();
    }
  }

  /** Zeros up to the next multiple of `alignment`. */
  async align(alignment: number): Promise<void> {
    const rest = this.#length % alignment;
    if (rest > 0) await this.append(new Uint8Array(alignment - rest));
  }

  async finish(): Promise<BundleFile> {
    await this.#flush();
    return {
      path: this.#path,
      bytes: this.#length,
      sha256: this.#hash.hex(),
      chunkBytes: CHUNK_BYTES,
      chunks: this.#chunks,
    };
  }

  async #flush(): Promise<void> {
    if (this.#filled === 0 && this.#length > 0) return;
    const bytes = this.#chunk.slice(0, this.#filled);
    this.#filled = 0;
    this.#hash.update(bytes);
    if (bytes.length > 0) this.#chunks.push(await sha256Hex(bytes));
    await this.#output.append(this.#path, bytes);
  }
}
