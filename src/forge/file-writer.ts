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

/** One file, handed over in chunks: what waits in memory is less than one chunk. */
export class FileWriter {
  readonly #path: string;
  readonly #output: ForgeOutput;
  readonly #hash: StreamingHash;
  readonly #chunks: string[] = [];
  #waiting: Uint8Array[] = [];
  #waitingBytes = 0;
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

  /** The bytes must not change afterwards. */
  async append(bytes: Uint8Array): Promise<void> {
    this.#length += bytes.length;
    for (let used = 0; used < bytes.length;) {
      const part = bytes.subarray(used, used + CHUNK_BYTES - this.#waitingBytes);
      this.#waiting.push(part);
      this.#waitingBytes += part.length;
      used += part.length;
      if (this.#waitingBytes === CHUNK_BYTES) await this.#flush();
    }
  }

  /** Zeros up to the next multiple of `alignment`. */
  async align(alignment: number): Promise<void> {
    const rest = this.#length % alignment;
    if (rest > 0) await this.append(new Uint8Array(alignment - rest));
  }

  async finish(): Promise<BundleFile> {
    if (this.#waitingBytes > 0) await this.#flush();
    else if (this.#length === 0) await this.#output.append(this.#path, new Uint8Array(0));
    return {
      path: this.#path,
      bytes: this.#length,
      sha256: this.#hash.hex(),
      chunkBytes: CHUNK_BYTES,
      chunks: this.#chunks,
    };
  }

  async #flush(): Promise<void> {
    const chunk = new Uint8Array(this.#waitingBytes);
    let offset = 0;
    for (const part of this.#waiting) {
      chunk.set(part, offset);
      offset += part.length;
    }
    this.#waiting = [];
    this.#waitingBytes = 0;
    this.#hash.update(chunk);
    this.#chunks.push(await sha256Hex(chunk));
    await this.#output.append(this.#path, chunk);
  }
}
