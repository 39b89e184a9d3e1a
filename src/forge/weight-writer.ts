/** One network's weights: stored tensor by tensor in files, with the index that the graph builders read. */
import { AppError } from '../domain/errors.ts';
import { elementCount } from '../domain/tensor.ts';
import type { BundleFile } from '../bundle/integrity.ts';
import type { TensorEntry, TensorIndex } from '../bundle/weight-index.ts';
import { FileWriter, type ForgeOutput } from './file-writer.ts';
import { QualityCollector, type NetworkQuality } from './quantisation-report.ts';
import { quantiseBlocks, quantiseRows } from './quantise.ts';
import { RoundingError } from './rounding-error.ts';

export const STORAGES = ['float32', 'int8', 'nbits8', 'nbits4'] as const;
export type Storage = (typeof STORAGES)[number];

/** Columns per scale of a linear weight. */
const BLOCK = 32;
/** Tensors of a page or more start on a page; biases and scales would waste more than they hold. */
const PAGE = 4096;
const SMALL_ALIGNMENT = 64;
/** A weight file is read into memory whole by some builds of the runtime. */
const MAX_FILE_BYTES = 256 * 1024 * 1024;
/** What is asked for and rounded at a time; no more than a few such pieces are in memory at once. */
const MAX_READ_VALUES = 2 * 1024 * 1024;

/** Values of rows (outermost index) `first` … `first + count − 1`. */
export type RowReader = (first: number, count: number) => Promise<Float32Array>;

export interface WeightLimits {
  readonly fileBytes: number;
  readonly readValues: number;
}

export interface WrittenWeights {
  readonly files: BundleFile[];
  readonly index: TensorIndex;
  readonly quality: NetworkQuality;
}

type Range = TensorEntry['data'];

/** Appends tensors to weight files of at most 256 MiB and keeps the index of where they lie. */
export class WeightWriter {
  readonly #path: string;
  readonly #output: ForgeOutput;
  readonly #limits: WeightLimits;
  readonly #finished: BundleFile[] = [];
  readonly #index: TensorIndex = {};
  readonly #quality = new QualityCollector();
  #filePath: string;
  #file: FileWriter;

  /** `path`: of the first file, ending in `.bin`; the others are `…-2.bin`, `…-3.bin`. */
  constructor(path: string, output: ForgeOutput, limits: Partial<WeightLimits> = {}) {
    this.#path = path;
    this.#output = output;
    this.#limits = { fileBytes: MAX_FILE_BYTES, readValues: MAX_READ_VALUES, ...limits };
    this.#filePath = path;
    this.#file = new FileWriter(path, output);
  }

  /**
   * Stores f32 values of shape `dims` under `name`. Given a reader, it asks for a few rows at a time, from the first to
   * the last. Throws AppError `weights-invalid` for a tensor that fits in no file, and what the reader throws.
   */
  async add(name: string, values: Float32Array | RowReader, dims: readonly number[], storage: Storage): Promise<void> {
    await this.#makeRoom(name, storedBytes(dims, storage));
    const { entry, error } = await this.#store(readerOf(values, dims), dims, storage);
    this.#index[name] = entry;
    const bytes = entry.data.length + ('scale' in entry ? entry.scale.length : 0);
    this.#quality.add({ name, storage, dims, bytes, ...(error && { error }) });
  }

  async finish(): Promise<WrittenWeights> {
    this.#finished.push(await this.#file.finish());
    return { files: this.#finished, index: this.#index, quality: this.#quality.finish() };
  }

  async #makeRoom(name: string, bytes: number): Promise<void> {
    const { fileBytes } = this.#limits;
    if (bytes > fileBytes) {
      throw new AppError(
        'weights-invalid',
        `${this.#path}: ${name} needs ${bytes} bytes; a file may have ${fileBytes}. Choose fewer bits with --precision.`,
      );
    }
    if (this.#file.length === 0 || Math.ceil(this.#file.length / PAGE) * PAGE + bytes <= fileBytes) return;
    this.#finished.push(await this.#file.finish());
    this.#filePath = this.#path.replace(/(\.bin)?$/, `-${this.#finished.length + 1}$1`);
    this.#file = new FileWriter(this.#filePath, this.#output);
  }

  async #store(
    read: RowReader,
    dims: readonly number[],
    storage: Storage,
  ): Promise<{ entry: TensorEntry; error?: RoundingError }> {
    const rows = dims[0] ?? 1;
    const width = elementCount(dims.slice(1));
    const file = this.#filePath;
    if (storage === 'float32') {
      await this.#align(4 * rows * width);
      const offset = this.#file.length;
      for await (const { values } of this.#pieces(read, rows, width)) await this.#append(values);
      return { entry: { kind: 'float', file, dims, dtype: 'float32', data: this.#since(offset) } };
    }
    const bits = storage === 'nbits4' ? 4 : 8;
    const groups = storage === 'int8' ? 1 : Math.ceil(width / BLOCK);
    const scales = new Float32Array(rows * groups);
    const error = new RoundingError();
    await this.#align(storage === 'int8' ? rows * width : (rows * groups * BLOCK * bits) / 8);
    const offset = this.#file.length;
    for await (const { values, first, count } of this.#pieces(read, rows, width)) {
      const piece = storage === 'int8' ? quantiseRows(values, count) : quantiseBlocks(values, count, bits, BLOCK);
      await this.#append(piece.data);
      scales.set(piece.scale, first * groups);
      error.append(piece.error);
    }
    const data = this.#since(offset);
    await this.#align(scales.byteLength);
    const scaleOffset = this.#file.length;
    await this.#append(scales);
    const ranges = { data, scale: this.#since(scaleOffset) };
    return storage === 'int8'
      ? { entry: { kind: 'int8', file, dims, ...ranges }, error }
      : { entry: { kind: 'nbits', file, dims, bits, blockSize: BLOCK, ...ranges }, error };
  }

  async *#pieces(
    read: RowReader,
    rows: number,
    width: number,
  ): AsyncGenerator<{ values: Float32Array; first: number; count: number }> {
    const step = Math.max(1, Math.floor(this.#limits.readValues / Math.max(1, width)));
    for (let first = 0; first < rows; first += step) {
      const count = Math.min(step, rows - first);
      yield { values: await read(first, count), first, count };
    }
  }

  async #align(bytes: number): Promise<void> {
    await this.#file.align(bytes >= PAGE ? PAGE : SMALL_ALIGNMENT);
  }

  /** Typed arrays lie in memory as the file wants them, little-endian, on every machine that runs browsers or Node. */
  async #append(values: Float32Array | Int8Array | Uint8Array): Promise<void> {
    await this.#file.append(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
  }

  #since(offset: number): Range {
    return { offset, length: this.#file.length - offset };
  }
}

function readerOf(values: Float32Array | RowReader, dims: readonly number[]): RowReader {
  if (typeof values === 'function') return values;
  const width = elementCount(dims.slice(1));
  return (first, count) => Promise.resolve(values.subarray(first * width, (first + count) * width));
}

/** Upper bound of what a tensor takes from the next page on. */
function storedBytes(dims: readonly number[], storage: Storage): number {
  const rows = dims[0] ?? 1;
  const width = elementCount(dims.slice(1));
  if (storage === 'float32') return 4 * rows * width;
  const groups = storage === 'int8' ? 1 : Math.ceil(width / BLOCK);
  const data = storage === 'int8' ? rows * width : (rows * groups * BLOCK * (storage === 'nbits4' ? 4 : 8)) / 8;
  return Math.ceil(data / PAGE) * PAGE + 4 * rows * groups;
}
