import { closeSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { TensorIndex } from '../../src/bundle/weight-index.ts';
import { hashWeightPart } from '../fixtures/hash-weights.ts';

const ALIGNMENT = 4096;
/** A bundle's bound for one weight file. */
const FILE_BYTES = 256 * 2 ** 20;
/** Values made at a time: a large weight never lies in memory whole. */
const PIECE = 2 ** 20;

/** Writes f32 hash weights to files of at most 256 MiB in `folder`; returns where each tensor lies, and all bytes. */
export function writeHashWeights(
  folder: string,
  tensors: readonly { readonly name: string; readonly dims: readonly number[] }[],
): { index: TensorIndex; bytes: number } {
  const index: TensorIndex = {};
  let bytes = 0;
  let file: { path: string; handle: number; size: number } | undefined;
  let files = 0;
  for (const { name, dims } of tensors) {
    const count = dims.reduce((product, dim) => product * dim, 1);
    const length = 4 * count;
    if (file === undefined || aligned(file.size) + length > FILE_BYTES) {
      if (file) closeSync(file.handle);
      const path = `weights-${files++}.bin`;
      file = { path, handle: openSync(join(folder, path), 'w'), size: 0 };
    }
    const offset = aligned(file.size);
    for (let start = 0; start < count; start += PIECE) {
      const piece = hashWeightPart(name, dims, start, Math.min(PIECE, count - start));
      writeSync(file.handle, new Uint8Array(piece.buffer), 0, piece.byteLength, offset + 4 * start);
    }
    file.size = offset + length;
    bytes += length;
    index[name] = { kind: 'float', file: file.path, dims, dtype: 'float32', data: { offset, length } };
  }
  if (file) closeSync(file.handle);
  return { index, bytes };
}

function aligned(size: number): number {
  return Math.ceil(size / ALIGNMENT) * ALIGNMENT;
}
