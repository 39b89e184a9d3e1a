import { encodeModel } from '../networks/onnx-writer.ts';
import type { OrtNamespace, OrtSessionOptions } from './ort-namespace.ts';

/**
 * Attention as the networks use it, small. Two head sizes, because onnxruntime picks its kernel by head size; more
 * than one query row, because only that path has been seen to be wrong (subgroups of 4 lanes, onnxruntime 1.30.0).
 */
const QUERIES = 24;
const KEYS = 40;
const WIDTH = 128;
const HEAD_COUNTS = [2, 4] as const;

/** Single-precision attention agrees to about 1e-6; the wrong kernel is off by more than 0.1. */
export const ATTENTION_TOLERANCE = 1e-3;

/**
 * Largest absolute difference between the backend's attention and the formula softmax(q·kᵀ/√d)·v computed here.
 * Call inside the gate. Throws what onnxruntime throws.
 */
export async function attentionError(ort: OrtNamespace, options: OrtSessionOptions): Promise<number> {
  const query = testValues(QUERIES * WIDTH, 1);
  const key = testValues(KEYS * WIDTH, 2);
  const value = testValues(KEYS * WIDTH, 3);
  const session = await ort.InferenceSession.create(attentionModel(), options);
  try {
    const results = await session.run({
      query: new ort.Tensor('float32', query, [1, QUERIES, WIDTH]),
      key: new ort.Tensor('float32', key, [1, KEYS, WIDTH]),
      value: new ort.Tensor('float32', value, [1, KEYS, WIDTH]),
    });
    let worst = 0;
    for (const heads of HEAD_COUNTS) {
      const actual = (await results[`heads_${heads}`]!.getData(true)) as Float32Array;
      worst = Math.max(worst, largestDifference(actual, referenceAttention(query, key, value, heads)));
    }
    return worst;
  } finally {
    await session.release();
  }
}

function attentionModel(): Uint8Array {
  return encodeModel({
    name: 'attention-self-test',
    inputs: [
      { name: 'query', type: 'float32', dims: [1, QUERIES, WIDTH] },
      { name: 'key', type: 'float32', dims: [1, KEYS, WIDTH] },
      { name: 'value', type: 'float32', dims: [1, KEYS, WIDTH] },
    ],
    outputs: HEAD_COUNTS.map((heads) => ({ name: `heads_${heads}`, type: 'float32', dims: [1, QUERIES, WIDTH] })),
    nodes: HEAD_COUNTS.map((heads) => ({
      op: 'MultiHeadAttention',
      domain: 'com.microsoft',
      inputs: ['query', 'key', 'value'],
      outputs: [`heads_${heads}`],
      attributes: { num_heads: heads },
    })),
    initializers: [],
  });
}

/** Multi-head scaled dot-product attention (Vaswani et al. 2017, eq. 1) over packed heads, [rows, WIDTH] each. */
export function referenceAttention(
  query: Float32Array,
  key: Float32Array,
  value: Float32Array,
  heads: number,
): Float32Array {
  const size = WIDTH / heads;
  const rows = query.length / WIDTH;
  const keys = key.length / WIDTH;
  const result = new Float32Array(query.length);
  const weights = new Float64Array(keys);
  for (let head = 0; head < heads; head++) {
    const first = head * size;
    for (let row = 0; row < rows; row++) {
      let largest = -Infinity;
      for (let k = 0; k < keys; k++) {
        let dot = 0;
        for (let i = first; i < first + size; i++) dot += query[row * WIDTH + i]! * key[k * WIDTH + i]!;
        const score = dot / Math.sqrt(size);
        weights[k] = score;
        largest = Math.max(largest, score);
      }
      let total = 0;
      for (let k = 0; k < keys; k++) total += weights[k] = Math.exp(weights[k]! - largest);
      for (let i = first; i < first + size; i++) {
        let sum = 0;
        for (let k = 0; k < keys; k++) sum += weights[k]! * value[k * WIDTH + i]!;
        result[row * WIDTH + i] = sum / total;
      }
    }
  }
  return result;
}

/** Values in −1..1 that are the same everywhere: a 32-bit linear congruential sequence, constants of Numerical Recipes §7.1. */
function testValues(count: number, seed: number): Float32Array {
  const values = new Float32Array(count);
  let state = seed;
  for (let i = 0; i < count; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    values[i] = state / 2 ** 31 - 1;
  }
  return values;
}

function largestDifference(actual: Float32Array, expected: Float32Array): number {
  let worst = 0;
  for (let i = 0; i < expected.length; i++) {
    const difference = Math.abs(actual[i]! - expected[i]!);
    // NaN compares false with everything, and must not pass.
    if (!(difference <= worst)) worst = Number.isNaN(difference) ? Infinity : difference;
  }
  return worst;
}
