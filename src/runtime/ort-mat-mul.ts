import type { MatMul } from '../domain/ports.ts';
import { encodeModel } from '../networks/onnx-writer.ts';
import type { InferenceGate } from './inference-gate.ts';
import type { OrtNamespace, OrtSession, OrtSessionOptions } from './ort-namespace.ts';

export interface ClosableMatMul extends MatMul {
  close(): Promise<void>;
}

/** Sessions kept; a LoRA's layers come in a few dozen shapes, neighbours mostly alike. */
const KEPT = 8;

/**
 * Matrix products by onnxruntime's MatMul, one tiny session per shape. Close it when done.
 * `gate`: the namespace's own, which everything that runs on it shares.
 */
export function ortMatMul(ort: OrtNamespace, options: OrtSessionOptions, gate: InferenceGate): ClosableMatMul {
  const sessions = new Map<string, OrtSession>();
  const sessionFor = async (rows: number, inner: number, columns: number): Promise<OrtSession> => {
    const key = [rows, inner, columns].join();
    const known = sessions.get(key);
    if (known !== undefined) return known;
    for (const [oldest, session] of sessions) {
      if (sessions.size < KEPT) break;
      sessions.delete(oldest);
      await session.release();
    }
    const session = await ort.InferenceSession.create(matMulModel(rows, inner, columns), options);
    sessions.set(key, session);
    return session;
  };
  return {
    multiply: (a, b, inner) =>
      gate.enter(async () => {
        const rows = a.length / inner;
        const columns = b.length / inner;
        const session = await sessionFor(rows, inner, columns);
        const tensor = (data: Float32Array, dims: number[]) => new ort.Tensor('float32', data, dims);
        const { product } = await session.run({ a: tensor(a, [rows, inner]), b: tensor(b, [inner, columns]) });
        return (await product!.getData(true)) as Float32Array;
      }),
    close: () =>
      gate.enter(async () => {
        for (const session of sessions.values()) await session.release();
        sessions.clear();
      }),
  };
}

function matMulModel(rows: number, inner: number, columns: number): Uint8Array {
  const value = (name: string, dims: number[]) => ({ name, type: 'float32' as const, dims });
  return encodeModel({
    name: 'product',
    inputs: [value('a', [rows, inner]), value('b', [inner, columns])],
    outputs: [value('product', [rows, columns])],
    nodes: [{ op: 'MatMul', domain: '', inputs: ['a', 'b'], outputs: ['product'], attributes: {} }],
    initializers: [],
  });
}
