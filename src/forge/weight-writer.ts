/** One network's weights: stored tensor by tensor in one file, with the index that the graph builders read. */
import { AppError } from '../domain/errors.ts';
import type { BundleFile } from '../bundle/integrity.ts';
import type { TensorEntry, TensorIndex } from '../bundle/weight-index.ts';
import { FileWriter, type ForgeOutput } from './file-writer.ts';
import { quantiseBlocks, quantiseRows } from './quantise.ts';

export const STORAGES = ['float32', 'int8', 'nbits8', 'nbits4'] as const;
export type Storage = (typeof STORAGES)[number];

/** Columns per scale of a linear weight. */
const BLOCK = 32;
/** Tensors of a page or more start on a page; biases and scales would waste more than they hold. */
const PAGE = 4096;
const SMALL_ALIGNMENT = 64;
/** A weight file is read into memory whole by some builds of the runtime. */
const MAX_FILE_BYTES = 256 * 1024 * 1024;

/** Appends tensors to one weight file and keeps the index of where they lie. */
export class WeightWriter {
  readonly #path: string;
  readonly #file: FileWriter;
  readonly #index: TensorIndex = {};

  constructor(path: string, output: ForgeOutput) {
    this.#path = path;
    this.#file = new FileWriter(path, output);
  }

  /** Stores f32 values of shape `dims` under `name`. */
  async add(name: string, values: Float32Array, dims: readonly number[], storage: Storage): Promise<void> {
    this.#index[name] = await this.#store(values, dims, storage);
  }

  /** Throws AppError `weights-invalid` when the file grew beyond 256 MiB. */
  async finish(): Promise<{ file: BundleFile; index: TensorIndex }> {
    const file = await this.#file.finish();
    if (file.bytes > MAX_FILE_BYTES) {
      throw new AppError(
        'weights-invalid',
        `${this.#path} has ${file.bytes} bytes; the limit is ${MAX_FILE_BYTES}. Choose fewer bits with --precision.`,
      );
    }
    return { file, index: this.#index };
  }

  async #store(values: Float32Array, dims: readonly number[], storage: Storage): Promise<TensorEntry> {
    const file = this.#path;
    const rows = dims[0] ?? 1;
    switch (storage) {
      case 'float32':
        return { kind: 'float', file, dims, dtype: 'float32', data: await this.#put(values) };
      case 'int8': {
        const { data, scale } = quantiseRows(values, rows);
        return { kind: 'int8', file, dims, data: await this.#put(data), scale: await this.#put(scale) };
      }
      case 'nbits8':
      case 'nbits4': {
        const bits = storage === 'nbits4' ? 4 : 8;
        const { data, scale } = quantiseBlocks(values, rows, bits, BLOCK);
        const ranges = { data: await this.#put(data), scale: await this.#put(scale) };
        return { kind: 'nbits', file, dims, bits, blockSize: BLOCK, ...ranges };
      }
    }
  }

  /** Typed arrays lie in memory as the file wants them, little-endian, on every machine that runs browsers or Node. */
  async #put(values: Float32Array | Int8Array | Uint8Array): Promise<{ offset: number; length: number }> {
    const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
    await this.#file.align(bytes.length >= PAGE ? PAGE : SMALL_ALIGNMENT);
    const offset = this.#file.length;
    await this.#file.append(bytes);
    return { offset, length: bytes.length };
  }
}
