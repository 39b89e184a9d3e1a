import * as ort from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import type { HostTensor } from '../../../src/domain/tensor.ts';
import { toHostTensor, toOrtTensor } from '../../../src/runtime/ort-tensors.ts';

const TENSORS: HostTensor[] = [
  { dtype: 'float32', dims: [2], data: Float32Array.of(0.5, -2) },
  { dtype: 'float16', dims: [2], data: Uint16Array.of(0x3800, 0xc000) },
  { dtype: 'int32', dims: [1, 2], data: Int32Array.of(3, -4) },
  { dtype: 'int64', dims: [2, 1], data: BigInt64Array.of(5n, -6n) },
  { dtype: 'uint8', dims: [2], data: Uint8Array.of(7, 255) },
  { dtype: 'int8', dims: [2], data: Int8Array.of(8, -128) },
];

describe('tensors on their way into onnxruntime and back', () => {
  it.each(TENSORS)('$dtype', async (tensor) => {
    expect(await toHostTensor(toOrtTensor(ort, tensor))).toEqual(tensor);
  });

  it('refuses what the house does not know', async () => {
    await expect(toHostTensor(new ort.Tensor('bool', [true], [1]))).rejects.toMatchObject({ code: 'graph-invalid' });
  });
});
