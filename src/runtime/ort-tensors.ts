import type { Tensor as OrtTensor } from 'onnxruntime-web/webgpu';
import { AppError } from '../domain/errors.ts';
import { isHostTensor, type DeviceTensor, type DType, type HostTensor, type Tensor } from '../domain/tensor.ts';
import type { OrtNamespace } from './ort-namespace.ts';

/** Array types by element type, as the house holds them; names are onnxruntime's own. */
const HOST_ARRAYS = {
  float32: Float32Array,
  float16: Uint16Array,
  int32: Int32Array,
  int64: BigInt64Array,
  uint8: Uint8Array,
  int8: Int8Array,
} as const;

/** A tensor of the house as onnxruntime takes it; host data is shared, not copied. */
export function toOrtTensor(ort: OrtNamespace, tensor: Tensor): OrtTensor {
  if (!isHostTensor(tensor)) return deviceHandle(ort, tensor);
  // Float16Array environments get a view of the same half bits: onnxruntime converts Uint16Array itself.
  return new ort.Tensor(tensor.dtype, tensor.data, tensor.dims);
}

/** The onnxruntime tensor behind a device tensor. Throws AppError `internal` for a handle of another runner. */
export function deviceHandle(ort: OrtNamespace, tensor: DeviceTensor): OrtTensor {
  if (tensor.handle instanceof ort.Tensor) return tensor.handle;
  throw new AppError('internal', 'A device tensor belongs to the runner that returned it; read() it there first.');
}

/** A tensor that stays where onnxruntime holds it. */
export function toDeviceTensor(tensor: OrtTensor): DeviceTensor {
  return { dtype: dtypeOf(tensor), dims: tensor.dims, handle: tensor };
}

/** A tensor in ordinary memory; one on the device is downloaded and its device copy freed. */
export async function toHostTensor(tensor: OrtTensor): Promise<HostTensor> {
  const dtype = dtypeOf(tensor);
  const data = tensor.location === 'gpu-buffer' ? await tensor.getData(true) : tensor.data;
  // Typed arrays only: dtypeOf has refused strings. Float16Array (where the engine has it) becomes its bits.
  const view = data as Exclude<typeof data, string[]>;
  const HostArray = HOST_ARRAYS[dtype];
  const host =
    view instanceof HostArray ? view : new HostArray(view.buffer as ArrayBuffer, view.byteOffset, view.length);
  // The array type follows from dtype by HOST_ARRAYS, which TypeScript cannot relate.
  return { dtype, dims: tensor.dims, data: host } as HostTensor;
}

function dtypeOf(tensor: OrtTensor): DType {
  if (tensor.type in HOST_ARRAYS) return tensor.type as DType;
  throw new AppError('graph-invalid', `Networks may not return ${tensor.type} tensors; cast to float32 in the graph.`);
}
