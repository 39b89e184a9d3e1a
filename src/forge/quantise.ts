/**
 * Rounding of weights to small integers, in the layouts of `bundle/weight-index.ts`. The loops are written for speed:
 * they see every weight of a model of a billion.
 */
import { RoundingError } from './rounding-error.ts';

export interface QuantisedRows {
  readonly data: Int8Array;
  readonly scale: Float32Array;
  /** Groups are rows. */
  readonly error: RoundingError;
}

/** Largest int8; −128 is left out, so that the range is symmetric. */
const INT8 = 127;
/**
 * Shares of a row's largest value that may become the end of the range. A long row has few values out there: cutting
 * them off can cost less than the coarser steps that they force on all others.
 */
const ROW_EXTENTS = [1, 0.95, 0.9, 0.85, 0.8, 0.75, 0.7, 0.65, 0.6, 0.55, 0.5];
const SMALLEST_EXTENT = 0.5;

/**
 * Symmetric int8 with one scale per row: w ≈ q · scale, |q| ≤ 127.
 * A row is everything under one index of the first dimension: an output channel, or one token's embedding.
 * `searched`: may cut off a row's largest values where that lessens the squared error.
 */
export function quantiseRows(weights: Float32Array, rows: number, searched = true): QuantisedRows {
  const length = weights.length / rows;
  const data = new Int8Array(weights.length);
  const scale = new Float32Array(rows);
  const error = new RoundingError();
  const tail = new Float64Array(length);
  for (let row = 0; row < rows; row++) {
    const start = row * length;
    const end = start + length;
    const largest = largestMagnitude(weights, start, end);
    const extent = searched ? bestExtent(weights, start, end, largest, tail) : largest;
    scale[row] = extent / INT8 || 1; // a row of zeros
    const step = scale[row]!;
    const inverse = 1 / step;
    let squares = 0;
    let squaredError = 0;
    for (let i = start; i < end; i++) {
      const value = weights[i]!;
      // Half a step up and cut: rounding that needs no call. 128 keeps the number positive, where cutting is flooring.
      let q = ((value * inverse + 128.5) | 0) - 128;
      if (q > INT8) q = INT8;
      else if (q < -INT8) q = -INT8;
      data[i] = q;
      const difference = value - q * step;
      squares += value * value;
      squaredError += difference * difference;
    }
    error.add(squaredError, squares, length);
  }
  return { data, scale, error };
}

/**
 * The end of the range with the least expected squared error: what the steps cost (step² / 12 per weight) and what is
 * cut off, exactly. Only the values beyond the smallest end matter for the latter, so they are gathered once.
 */
function bestExtent(weights: Float32Array, start: number, end: number, largest: number, tail: Float64Array): number {
  const threshold = largest * SMALLEST_EXTENT;
  let count = 0;
  for (let i = start; i < end; i++) {
    const value = Math.abs(weights[i]!);
    if (value > threshold) tail[count++] = value;
  }
  const perSquaredStep = (end - start) / 12;
  let best = largest;
  let least = Infinity;
  for (const share of ROW_EXTENTS) {
    const extent = largest * share;
    let expected = perSquaredStep * (extent / INT8) ** 2;
    for (let i = 0; i < count && expected < least; i++) {
      const beyond = tail[i]! - extent;
      if (beyond > 0) expected += beyond * beyond;
    }
    if (expected < least) {
      least = expected;
      best = extent;
    }
  }
  return best;
}

export interface QuantisedBlocks {
  /** uint8 [rows, blocks, blockSize · bits / 8], two 4-bit numbers per byte with the first one in the low nibble. */
  readonly data: Uint8Array;
  /** [rows · blocks]. */
  readonly scale: Float32Array;
  /** Groups are blocks. */
  readonly error: RoundingError;
}

/**
 * A linear weight [rows, columns] as com.microsoft.MatMulNBits reads it without zero points: per block of `blockSize`
 * columns, w ≈ (q − 2^(bits−1)) · scale. The last block of a row is filled with zeros.
 * `searched`: tries a range of scales per block and keeps the one with the least squared error (worth it at 4 bits).
 */
export function quantiseBlocks(
  weights: Float32Array,
  rows: number,
  bits: 4 | 8,
  blockSize: number,
  searched = bits === 4,
): QuantisedBlocks {
  const columns = weights.length / rows;
  const blocks = Math.ceil(columns / blockSize);
  const middle = 2 ** (bits - 1);
  const blockBytes = (blockSize * bits) / 8;
  const data = new Uint8Array(rows * blocks * blockBytes);
  const scale = new Float32Array(rows * blocks);
  const error = new RoundingError();
  const values = new Float64Array(blockSize);
  const integers = new Int32Array(blockSize);
  for (let index = 0; index < rows * blocks; index++) {
    const column = (index % blocks) * blockSize;
    const start = Math.floor(index / blocks) * columns + column;
    const length = Math.min(blockSize, columns - column);
    for (let i = 0; i < length; i++) values[i] = weights[start + i]!;
    scale[index] = blockScale(values, length, middle, searched);
    const step = scale[index]!;
    const inverse = 1 / step;
    let squares = 0;
    let squaredError = 0;
    integers.fill(middle);
    for (let i = 0; i < length; i++) {
      const value = values[i]!;
      const q = nearest(value * inverse, middle);
      integers[i] = q;
      const difference = value - (q - middle) * step;
      squares += value * value;
      squaredError += difference * difference;
    }
    error.add(squaredError, squares, length);
    const at = index * blockBytes;
    if (bits === 8) data.set(integers, at);
    else for (let i = 0; i < blockBytes; i++) data[at + i] = integers[2 * i]! | (integers[2 * i + 1]! << 4);
  }
  return { data, scale, error };
}

/** The integer 0 … 2 · middle − 1 that stands nearest to `steps` (a number of steps from the middle). */
function nearest(steps: number, middle: number): number {
  const q = (steps + (middle + 0.5)) | 0;
  const last = 2 * middle - 1;
  return q < 0 ? 0 : q > last ? last : q;
}

/**
 * Shares of a block's largest value that are mapped to the end of the range; below 1 the largest is cut off a little.
 * On normally distributed weights these eight leave 0.02 dB to what 65 finer ones reach (21.81 of 21.83 dB; 21.31
 * without search).
 */
const BLOCK_EXTENTS = [0.78, 0.82, 0.87, 0.91, 0.96, 1, 1.05, 1.1];

/**
 * The scale of one block. The integers reach one step further on the negative side, so the scale's sign is chosen such
 * that the largest value lies there. For given integers q the best scale is Σwq / Σq² and leaves Σw² − (Σwq)² / Σq²:
 * so every candidate is judged, and in the end replaced, by the best scale for its own integers.
 */
function blockScale(values: Float64Array, length: number, middle: number, searched: boolean): number {
  let extreme = 0;
  for (let i = 0; i < length; i++) if (Math.abs(values[i]!) > Math.abs(extreme)) extreme = values[i]!;
  if (extreme === 0) return 1;
  const full = extreme / -middle;
  if (!searched) return full;
  let best = full;
  let most = 0;
  for (const extent of BLOCK_EXTENTS) {
    const inverse = 1 / (full * extent);
    let products = 0;
    let squares = 0;
    for (let i = 0; i < length; i++) {
      const value = values[i]!;
      const q = nearest(value * inverse, middle) - middle;
      products += value * q;
      squares += q * q;
    }
    const explained = (products * products) / squares;
    if (explained > most) {
      most = explained;
      best = products / squares;
    }
  }
  return best;
}

function largestMagnitude(values: Float32Array, start: number, end: number): number {
  let found = 0;
  for (let i = start; i < end; i++) {
    const value = Math.abs(values[i]!);
    if (value > found) found = value;
  }
  return found;
}
