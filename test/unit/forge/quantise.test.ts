import { describe, expect, test } from 'vitest';
import type { TensorIndex } from '../../../src/bundle/weight-index.ts';
import { float32Tensor } from '../../../src/domain/tensor.ts';
import { quantiseBlocks, quantiseRows } from '../../../src/forge/quantise.ts';
import { WeightWriter, type Storage } from '../../../src/forge/weight-writer.ts';
import { Graph } from '../../../src/networks/graph.ts';
import { conv, linear } from '../../../src/networks/layers.ts';
import { hashUniform } from '../../fixtures/hash-weights.ts';
import { runGraph } from '../../fixtures/run-graph.ts';
import { MemoryOutput } from './memory-output.ts';

/** Numbers as weights have them: many small, few large. */
function weights(count: number): Float32Array {
  return Float32Array.from(hashUniform('weights', count), (u) => u ** 3 * 0.2);
}

function dequantiseBlocks(
  { data, scale }: ReturnType<typeof quantiseBlocks>,
  rows: number,
  columns: number,
  bits: 4 | 8,
): Float32Array {
  const blocks = Math.ceil(columns / 32);
  const values = new Float32Array(rows * columns);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const block = row * blocks + (column >> 5);
      const at = block * 32 + (column & 31);
      const q = bits === 8 ? data[at]! - 128 : ((data[at >> 1]! >> (4 * (at & 1))) & 15) - 8;
      values[row * columns + column] = q * scale[block]!;
    }
  }
  return values;
}

const squaredError = (a: Float32Array, b: Float32Array) => a.reduce((sum, value, i) => sum + (value - b[i]!) ** 2, 0);

describe('int8 rows', () => {
  test('every value is within half a step, and the largest is exact', () => {
    const values = weights(6 * 50);
    const { data, scale } = quantiseRows(values, 6);
    values.forEach((value, i) => {
      const step = scale[Math.floor(i / 50)]!;
      expect(Math.abs(value - data[i]! * step)).toBeLessThanOrEqual(step * 0.500001);
    });
    for (let row = 0; row < 6; row++) {
      const largest = Math.max(...data.subarray(row * 50, row * 50 + 50).map(Math.abs));
      expect(largest).toBe(127);
    }
  });

  test('long rows lose their largest values where that lessens the error', () => {
    // Eleven uniform numbers make a nearly normal one.
    const parts = Array.from({ length: 11 }, (_, i) => hashUniform(`part ${i}`, 20_000));
    const values = Float32Array.from(parts[0]!, (_, i) => parts.reduce((sum, part) => sum + part[i]!, 0));
    const [searched, plain] = [quantiseRows(values, 2), quantiseRows(values, 2, false)];
    expect(searched.error.squaredError).toBeLessThan(0.98 * plain.error.squaredError);
    for (const { data, scale, error } of [searched, plain]) {
      const back = Float32Array.from(data, (q, i) => q * scale[Math.floor(i / 10_000)]!);
      expect(error.squaredError / squaredError(values, back)).toBeCloseTo(1, 4);
    }
  });

  test('a row of zeros stays zero', () => {
    const { data, scale } = quantiseRows(new Float32Array(8), 2);
    expect([...data]).toEqual(new Array(8).fill(0));
    expect([...scale].every((value) => value > 0 && Number.isFinite(value))).toBe(true);
  });
});

describe('n-bit blocks', () => {
  test.each([4, 8] as const)('%i bits: within half a step but at the cut end, also in a part-filled block', (bits) => {
    const [rows, columns] = [5, 80];
    const values = weights(rows * columns);
    const quantised = quantiseBlocks(values, rows, bits, 32, false);
    const back = dequantiseBlocks(quantised, rows, columns, bits);
    const last = 2 ** (bits - 1) - 1;
    values.forEach((value, i) => {
      const step = Math.abs(quantised.scale[Math.floor(i / columns) * 3 + ((i % columns) >> 5)]!);
      const beyond = Math.max(0, Math.abs(value) - last * step);
      expect(Math.abs(value - back[i]!)).toBeLessThanOrEqual(Math.max(step * 0.500001, beyond * 1.00001));
    });
  });

  test('the searched scale is never worse, and better on the whole', () => {
    const values = weights(64 * 96);
    const error = (searched: boolean) =>
      squaredError(values, dequantiseBlocks(quantiseBlocks(values, 64, 4, 32, searched), 64, 96, 4));
    expect(error(true)).toBeLessThan(0.95 * error(false));
  });

  test('what fills up the last block counts as zero', () => {
    expect([...quantiseBlocks(new Float32Array([1]), 1, 8, 32).data.subarray(1)]).toEqual(new Array(31).fill(128));
    expect([...quantiseBlocks(new Float32Array([1]), 1, 4, 32).data.subarray(1)]).toEqual(new Array(15).fill(0x88));
  });
});

/** The layouts are what onnxruntime reads: its product equals ours with the rounded weights multiplied out. */
describe('on onnxruntime', () => {
  async function store(values: Float32Array, dims: number[], storage: Storage) {
    const output = new MemoryOutput();
    const writer = new WeightWriter('w.bin', output);
    await writer.add(
      'layer.bias',
      Float32Array.from({ length: dims[0]! }, (_, i) => i / 10),
      [dims[0]!],
      'float32',
    );
    await writer.add('layer.weight', values, dims, storage);
    const { index } = await writer.finish();
    return { index, files: { 'w.bin': output.file('w.bin') } };
  }

  async function runLinear(index: TensorIndex, files: Record<string, Uint8Array>, x: Float32Array, dims: number[]) {
    const graph = new Graph('test', index, 'float32');
    graph.output('y', linear(graph, graph.floatInput('x', dims), 'layer', 7));
    const { y } = await runGraph(graph.finish(), files, { x: float32Tensor(x, dims) });
    return y!.data;
  }

  test.each([
    ['nbits4', 4, 64],
    ['nbits8', 8, 64],
    ['nbits4', 4, 80],
    ['nbits8', 8, 80],
  ] as const)('%s of %i bits over %i columns', async (storage, bits, columns) => {
    const values = weights(7 * columns);
    const x = Float32Array.from(hashUniform('x', 3 * columns));
    const { index, files } = await store(values, [7, columns], storage);
    const rounded = dequantiseBlocks(quantiseBlocks(values, 7, bits, 32), 7, columns, bits);
    const y = await runLinear(index, files, x, [1, 3, columns]);
    for (let row = 0; row < 3; row++) {
      for (let n = 0; n < 7; n++) {
        let sum = n / 10;
        for (let k = 0; k < columns; k++) sum += x[row * columns + k]! * rounded[n * columns + k]!;
        expect(y[row * 7 + n]).toBeCloseTo(sum, 5);
      }
    }
  });

  test('int8 convolution', async () => {
    const values = weights(4 * 3);
    const { index, files } = await store(values, [4, 3, 1, 1], 'int8');
    const graph = new Graph('test', index, 'float32');
    graph.output('y', conv(graph, graph.floatInput('x', [1, 3, 2, 1]), 'layer', 4, { kernel: 1 }));
    const x = Float32Array.of(1, 2, -1, 0.5, 3, 0.25);
    const { y } = await runGraph(graph.finish(), files, { x: float32Tensor(x, [1, 3, 2, 1]) });
    const { data, scale } = quantiseRows(values, 4);
    for (let n = 0; n < 4; n++) {
      for (let pixel = 0; pixel < 2; pixel++) {
        const sum = [0, 1, 2].reduce((total, c) => total + x[c * 2 + pixel]! * data[n * 3 + c]! * scale[n]!, n / 10);
        expect(y!.data[n * 2 + pixel]).toBeCloseTo(sum, 5);
      }
    }
  });
});
