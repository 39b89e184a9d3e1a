/** Tensors as they travel between pipeline and runtime. No onnxruntime type leaves `runtime/`. */

export interface TensorData {
  readonly float32: Float32Array;
  /** IEEE half bits. */
  readonly float16: Uint16Array;
  readonly int32: Int32Array;
  readonly int64: BigInt64Array;
  readonly uint8: Uint8Array;
  readonly int8: Int8Array;
}

export type DType = keyof TensorData;

/** A tensor in ordinary memory; row-major, `data.length` = product of `dims`. */
export type HostTensor = {
  [T in DType]: { readonly dtype: T; readonly dims: readonly number[]; readonly data: TensorData[T] };
}[DType];

/** A tensor that stays on the device; made and understood only by the runner that returned it. */
export interface DeviceTensor {
  readonly dtype: DType;
  readonly dims: readonly number[];
  readonly handle: object;
}

export type Tensor = HostTensor | DeviceTensor;

/** Whether the values lie in ordinary memory. */
export function isHostTensor(tensor: Tensor): tensor is HostTensor {
  return 'data' in tensor;
}

/** Number of elements of a shape. */
export function elementCount(dims: readonly number[]): number {
  return dims.reduce((product, dim) => product * dim, 1);
}

/** A float32 host tensor. Throws RangeError when the data does not fill the shape. */
export function float32Tensor(data: Float32Array, dims: readonly number[]): HostTensor & { dtype: 'float32' } {
  if (data.length !== elementCount(dims)) {
    throw new RangeError(`Tensor of shape [${dims.join(', ')}] needs ${elementCount(dims)} values, got ${data.length}`);
  }
  return { dtype: 'float32', dims, data };
}

/** One after the other, in new memory. */
export function concatenate(parts: readonly Float32Array[]): Float32Array {
  const out = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    out.set(part, offset);
    offset += part.length;
  }
  return out;
}
