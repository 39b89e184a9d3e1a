/** Rounding of weights to small integers, in the layouts of `bundle/weight-index.ts`. */

export interface QuantisedRows {
  readonly data: Int8Array;
  readonly scale: Float32Array;
}

/**
 * Symmetric int8 with one scale per row: w ≈ q · scale, |q| ≤ 127.
 * A row is everything under one index of the first dimension: an output channel, or one token's embedding.
 */
export function quantiseRows(weights: Float32Array, rows: number): QuantisedRows {
  const length = weights.length / rows;
  const data = new Int8Array(weights.length);
  const scale = new Float32Array(rows);
  for (let row = 0; row < rows; row++) {
    const start = row * length;
    const step = largest(weights, start, start + length) / 127 || 1; // a row of zeros
    scale[row] = step;
    const rounded = scale[row]!;
    for (let i = start; i < start + length; i++) data[i] = clamp(Math.round(weights[i]! / rounded), -127, 127);
  }
  return { data, scale };
}

export interface QuantisedBlocks {
  /** uint8 [rows, blocks, blockSize · bits / 8], two 4-bit numbers per byte with the first one in the low nibble. */
  readonly data: Uint8Array;
  /** [rows · blocks]. */
  readonly scale: Float32Array;
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
  const data = new Uint8Array(rows * blocks * blockBytes).fill(bits === 8 ? 128 : 0x88);
  const scale = new Float32Array(rows * blocks);
  const candidates = searched ? SEARCHED_EXTENTS : [1];
  for (let row = 0; row < rows; row++) {
    for (let block = 0; block < blocks; block++) {
      const start = row * columns + block * blockSize;
      const end = Math.min(start + blockSize, (row + 1) * columns);
      const index = row * blocks + block;
      const step = bestStep(weights, start, end, middle, candidates);
      scale[index] = step;
      const rounded = scale[index];
      for (let i = start; i < end; i++) {
        const q = middle + clamp(Math.round(weights[i]! / rounded), -middle, middle - 1);
        const at = i - start;
        if (bits === 8) data[index * blockBytes + at] = q;
        else {
          const byte = index * blockBytes + (at >> 1);
          data[byte] = at & 1 ? (data[byte]! & 0x0f) | (q << 4) : (data[byte]! & 0xf0) | q;
        }
      }
    }
  }
  return { data, scale };
}

/** Shares of a block's largest value that are mapped to the end of the range; below 1 the largest is cut off a little. */
const SEARCHED_EXTENTS = [0.7, 0.75, 0.8, 0.85, 0.9, 0.925, 0.95, 0.975, 1, 1.03, 1.07];

/**
 * The scale of one block. The integers reach one step further on the negative side, so the scale's sign is chosen such
 * that the largest value lies there.
 */
function bestStep(
  weights: Float32Array,
  start: number,
  end: number,
  middle: number,
  extents: readonly number[],
): number {
  let extreme = 0;
  for (let i = start; i < end; i++) if (Math.abs(weights[i]!) > Math.abs(extreme)) extreme = weights[i]!;
  if (extreme === 0) return 1;
  const full = extreme / -middle;
  if (extents.length === 1) return full * extents[0]!;
  let best = full;
  let least = Infinity;
  for (const extent of extents) {
    const step = full * extent;
    let error = 0;
    for (let i = start; i < end; i++) {
      const difference = weights[i]! - step * clamp(Math.round(weights[i]! / step), -middle, middle - 1);
      error += difference * difference;
    }
    if (error < least) {
      least = error;
      best = step;
    }
  }
  return best;
}

function largest(values: Float32Array, start: number, end: number): number {
  let found = 0;
  for (let i = start; i < end; i++) found = Math.max(found, Math.abs(values[i]!));
  return found;
}

function clamp(value: number, low: number, high: number): number {
  return value < low ? low : value > high ? high : value;
}
