import { encodeModel } from '../networks/onnx-writer.ts';
import type { OrtNamespace, OrtSessionOptions } from './ort-namespace.ts';

/**
 * Attention as the networks use it, small: image rows over text tokens, over face tokens. onnxruntime picks its kernel
 * by head size and by both lengths; the wrong one that is known (subgroups of 4 lanes, onnxruntime 1.30.0) shows from
 * 64 queries and 64 keys on, at 24 and 40 it does not.
 */
const WIDTH = 128;
const QUERIES = 64;
const CASES = [
  { output: 'text_64', keys: 77, heads: 2 },
  { output: 'text_32', keys: 77, heads: 4 },
  { output: 'face_64', keys: 4, heads: 2 },
] as const;

/** Single-precision attention agrees to about 1e-7; the wrong kernel is off by more than 0.1. */
export const ATTENTION_TOLERANCE = 1e-3;

/**
 * Largest absolute difference between the backend's attention and the formula softmax(q·kᵀ/√d)·v computed here.
 * Call inside the gate. Throws what onnxruntime throws.
 */
export async function attentionError(ort: OrtNamespace, options: OrtSessionOptions): Promise<number> {
  const query = testValues(QUERIES * WIDTH, 1);
  const keys = testValues(77 * WIDTH, 2);
  const values = testValues(77 * WIDTH, 3);
  const tensor = (data: Float32Array, rows: number) =>
    new ort.Tensor('float32', data.subarray(0, rows * WIDTH), [1, rows, WIDTH]);
  const session = await ort.InferenceSession.create(attentionModel(), options);
  try {
    const results = await session.run({
      query: tensor(query, QUERIES),
      ...Object.fromEntries(
        CASES.flatMap((test) => [
          [`${test.output}_key`, tensor(keys, test.keys)],
          [`${test.output}_value`, tensor(values, test.keys)],
        ]),
      ),
    });
    let worst = 0;
    for (const { output, keys: rows, heads } of CASES) {
      const actual = (await results[output]!.getData(true)) as Float32Array;
      const expected = referenceAttention(query, keys.subarray(0, rows * WIDTH), values, heads);
      worst = Math.max(worst, largestDifference(actual, expected));
    }
    return worst;
  } finally {
    await session.release();
  }
}

function attentionModel(): Uint8Array {
  const value = (name: string, rows: number) => ({ name, type: 'float32' as const, dims: [1, rows, WIDTH] });
  return encodeModel({
    name: 'attention-self-test',
    inputs: [
      value('query', QUERIES),
      ...CASES.flatMap(({ output, keys }) => [value(`${output}_key`, keys), value(`${output}_value`, keys)]),
    ],
    outputs: CASES.map(({ output }) => value(output, QUERIES)),
    nodes: CASES.map(({ output, heads }) => ({
      op: 'MultiHeadAttention',
      domain: 'com.microsoft',
      inputs: ['query', `${output}_key`, `${output}_value`],
      outputs: [output],
      attributes: { num_heads: heads },
    })),
    initializers: [],
  });
}

/** Multi-head scaled dot-product attention (Vaswani et al. 2017, eq. 1) over packed heads, [rows, WIDTH] each. */
function referenceAttention(query: Float32Array, key: Float32Array, value: Float32Array, heads: number): Float32Array {
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
