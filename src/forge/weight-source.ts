import { AppError } from '../domain/errors.ts';
import { elementCount } from '../domain/tensor.ts';
import { decodeElements, isReadable } from './element-types.ts';

/** Named weights as f32, wherever they come from. */
export interface WeightSource {
  readonly name: string;
  /** Shapes by name. */
  readonly shapes: ReadonlyMap<string, readonly number[]>;
  /**
   * Row-major values. Throws AppError `weights-invalid` for a type that is no float (but for a single I64, shape []), or
   * NaN and infinite values.
   */
  read(tensor: string): Promise<Float32Array>;
  /**
   * Rows `first` … `first + count − 1` of the outermost dimension (a scalar is one row), so that a large tensor is
   * never whole in memory. Throws what `read` throws, and RangeError for rows that do not exist.
   */
  readRows(tensor: string, first: number, count: number): Promise<Float32Array>;
}

export interface StoredTensor {
  readonly shape: readonly number[];
  /** Element type by its safetensors name. */
  readonly type: string;
}

/** Little-endian bytes of elements `first` … `first + count − 1` in row-major order; count > 0. */
export type ReadElements<T> = (tensor: T, first: number, count: number, name: string) => Promise<Uint8Array>;

/** What all file formats share once they know where an element lies. */
export function weightSource<T extends StoredTensor>(
  file: string,
  tensors: ReadonlyMap<string, T>,
  readElements: ReadElements<T>,
): WeightSource {
  const read = async (name: string, rows?: { first: number; count: number }): Promise<Float32Array> => {
    const tensor = tensors.get(name);
    if (tensor === undefined) throw weightsInvalid(file, `there is no tensor ${shown(name)}`);
    const { shape, type } = tensor;
    // A LoRA's alpha: kohya's scripts keep the whole number that it is set to.
    const isWholeNumber = type === 'I64' && shape.length === 0;
    if (!isReadable(type) && !isWholeNumber)
      throw weightsInvalid(file, `${shown(name)} is ${type}; only F32, F16 and BF16 weights are read`);
    const height = shape[0] ?? 1;
    const { first, count } = rows ?? { first: 0, count: height };
    if (!Number.isInteger(first) || !Number.isInteger(count) || first < 0 || count < 0 || first + count > height) {
      throw new RangeError(`${file}: ${name} has ${height} rows; ${count} from ${first} are not among them.`);
    }
    const width = elementCount(shape.slice(1));
    if (count * width === 0) return new Float32Array(0);
    const bytes = await readElements(tensor, first * width, count * width, name);
    if (isWholeNumber) return Float32Array.of(wholeNumber(bytes));
    const values = decodeElements(bytes, type);
    requireFinite(file, name, values);
    return values;
  };
  const shapes = new Map<string, readonly number[]>();
  tensors.forEach(({ shape }, name) => shapes.set(name, shape));
  return {
    name: file,
    shapes,
    read: (name) => read(name),
    readRows: (name, first, count) => read(name, { first, count }),
  };
}

function wholeNumber(bytes: Uint8Array): number {
  return Number(new DataView(bytes.buffer, bytes.byteOffset).getBigInt64(0, true));
}

function requireFinite(file: string, name: string, values: Float32Array): void {
  // 0 × NaN and 0 × ∞ are NaN, and stay in the sum: four times as fast as asking every value.
  let zero = 0;
  for (let i = 0; i < values.length; i++) zero += values[i]! * 0;
  if (zero !== 0) {
    throw weightsInvalid(
      file,
      `${shown(name)} holds NaN or infinite values; the file is damaged or its training failed`,
    );
  }
}

/** AppError `weights-invalid` that names the file. `what` is a sentence without its full stop. */
export function weightsInvalid(file: string, what: string, cause?: unknown): AppError {
  return new AppError('weights-invalid', `${file} is not a usable weight file: ${what}.`, {
    details: { file },
    ...(cause !== undefined && { cause }),
  });
}

/** A name out of a file, short enough for a message. */
export function shown(name: string): string {
  return name.length <= 120 ? name : `${name.slice(0, 120)}…`;
}
