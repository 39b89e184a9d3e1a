import { describe, expect, it } from 'vitest';
import { float32Tensor } from '../../../src/domain/tensor.ts';
import { encodeModel, type OnnxModel } from '../../../src/networks/onnx-writer.ts';
import { runGraph } from '../../fixtures/run-graph.ts';

const x = float32Tensor(Float32Array.of(1, 2, 3, 4, 5, 6), [2, 3]);
const input = { name: 'x', type: 'float32', dims: [2, 3] } as const;

function model(parts: Partial<OnnxModel>): Uint8Array {
  return encodeModel({ name: 'test', inputs: [input], outputs: [], nodes: [], initializers: [], ...parts });
}

describe('encodeModel', () => {
  it('writes integer (also negative), list, float and string attributes that onnxruntime reads', async () => {
    const bytes = model({
      outputs: [
        { name: 'turned', type: 'float32', dims: [3, 2] },
        { name: 'soft', type: 'float32', dims: [2, 3] },
        { name: 'leaky', type: 'float32', dims: [2, 3] },
        { name: 'gelu', type: 'float32', dims: [2, 3] },
      ],
      nodes: [
        { op: 'Transpose', domain: '', inputs: ['x'], outputs: ['turned'], attributes: { perm: [1, 0] } },
        { op: 'Softmax', domain: '', inputs: ['x'], outputs: ['soft'], attributes: { axis: -1 } },
        { op: 'LeakyRelu', domain: '', inputs: ['minus'], outputs: ['leaky'], attributes: { alpha: { float: 0.25 } } },
        { op: 'Neg', domain: '', inputs: ['x'], outputs: ['minus'], attributes: {} },
        { op: 'Gelu', domain: '', inputs: ['x'], outputs: ['gelu'], attributes: { approximate: 'tanh' } },
      ].sort((a) => (a.op === 'Neg' ? -1 : 0)),
    });
    const outputs = await runGraph({ model: bytes, weightFiles: [] }, {}, { x });
    expect([...outputs['turned']!.data]).toEqual([1, 4, 2, 5, 3, 6]);
    expect([...outputs['leaky']!.data]).toEqual([-0.25, -0.5, -0.75, -1, -1.25, -1.5]);
    const total = Math.exp(1) + Math.exp(2) + Math.exp(3);
    outputs['soft']!.data.forEach((value, i) => expect(value).toBeCloseTo(Math.exp((i % 3) + 1) / total, 6));
    // The tanh form of GELU (Hendrycks & Gimpel 2016) at 1; the exact form is 0.8413447.
    expect(outputs['gelu']!.data[0]).toBeCloseTo(0.841192, 6);
  });

  it('reads a range of an external file as an initializer', async () => {
    const file = new Uint8Array(4096 + 12);
    new Float32Array(file.buffer, 4096, 3).set([10, 20, 30]);
    const bytes = model({
      outputs: [{ name: 'sum', type: 'float32', dims: [2, 3] }],
      nodes: [{ op: 'Add', domain: '', inputs: ['x', 'w'], outputs: ['sum'], attributes: {} }],
      initializers: [
        { name: 'w', type: 'float32', dims: [3], external: { file: 'weights/a.bin', offset: 4096, length: 12 } },
      ],
    });
    const outputs = await runGraph({ model: bytes, weightFiles: ['weights/a.bin'] }, { 'weights/a.bin': file }, { x });
    expect([...outputs['sum']!.data]).toEqual([11, 22, 33, 14, 25, 36]);
  });
});
