import { AppError } from '../domain/errors.ts';
import type { Role, SessionRunner } from '../domain/ports.ts';
import type { Tensor } from '../domain/tensor.ts';

/**
 * The values of a network's float32 output in ordinary memory.
 * Throws AppError `graph-invalid` when the output is missing or of another type.
 */
export async function readFloats(
  runner: SessionRunner,
  role: Role,
  outputs: Readonly<Record<string, Tensor>>,
  name: string,
): Promise<{ readonly data: Float32Array; readonly dims: readonly number[] }> {
  const tensor = outputs[name];
  if (tensor === undefined) {
    const found = Object.keys(outputs).join(', ');
    throw new AppError('graph-invalid', `${role} gave no output "${name}" (it gave ${found}); rebuild the bundle.`);
  }
  const host = await runner.read(tensor);
  if (host.dtype !== 'float32') {
    throw new AppError('graph-invalid', `${role} output "${name}" is ${host.dtype}, not float32; rebuild the bundle.`);
  }
  return { data: host.data, dims: host.dims };
}
