import { readFileSync } from 'node:fs';
import { float32Tensor, type HostTensor } from '../../src/domain/tensor.ts';
import { hashText, hashUniform } from '../fixtures/hash-weights.ts';

/** An output of the reference. */
export interface Expected {
  readonly dims: readonly number[];
  /** Little-endian f32 as base64. */
  readonly float32: string;
}

/** Cases of one file written by one of the make_ scripts. */
export function readCases<T>(name: string): T[] {
  const url = new URL(`../fixtures/parity/${name}.json`, import.meta.url);
  return (JSON.parse(readFileSync(url, 'utf8')) as { cases: T[] }).cases;
}

/** The network input that the make_ scripts call by this name. */
export function hashInput(name: string, dims: readonly number[], gain = 1): HostTensor {
  const count = dims.reduce((product, dim) => product * dim, 1);
  return float32Tensor(
    Float32Array.from(hashUniform(name, count), (u) => Math.fround(u) * gain),
    dims,
  );
}

/** Same digest of names and shapes as in reference_case.py. */
export function tensorDigest(tensors: readonly { name: string; dims: readonly number[] }[]): number {
  const lines = tensors.map(({ name, dims }) => ({ name, line: `${name}:${dims.join(',')}` }));
  lines.sort((a, b) => (a.name < b.name ? -1 : 1));
  return hashText(lines.map(({ line }) => line).join('\n'));
}

/** Largest difference as a part of the reference's largest value. Throws when shapes differ or a value is not finite. */
export function relativeError(actual: { dims: readonly number[]; data: Float32Array }, expected: Expected): number {
  const bytes = Uint8Array.from(Buffer.from(expected.float32, 'base64'));
  return relativeDifference(actual, { dims: expected.dims, data: new Float32Array(bytes.buffer) });
}

export function relativeDifference(
  actual: { dims: readonly number[]; data: Float32Array },
  expected: { dims: readonly number[]; data: Float32Array },
): number {
  if (actual.dims.join() !== expected.dims.join() || actual.data.length !== expected.data.length) {
    throw new Error(`Shape [${actual.dims.join(', ')}] instead of [${expected.dims.join(', ')}]`);
  }
  let largest = 0;
  let difference = 0;
  expected.data.forEach((value, i) => {
    largest = Math.max(largest, Math.abs(value));
    difference = Math.max(difference, Math.abs(value - actual.data[i]!));
    if (!Number.isFinite(actual.data[i])) difference = Infinity;
  });
  return difference / largest;
}
