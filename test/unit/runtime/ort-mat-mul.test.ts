import * as ort from 'onnxruntime-node';
import { expect, test } from 'vitest';
import { plainMatMul } from '../../../src/forge/plain-mat-mul.ts';
import { InferenceGate } from '../../../src/runtime/inference-gate.ts';
import { ortMatMul } from '../../../src/runtime/ort-mat-mul.ts';
import { nodeSessionOptions } from '../../../src/runtime/session-options.ts';
import { hashUniform } from '../../fixtures/hash-weights.ts';

test('products of many shapes equal the plain ones, also when asked for at once', async () => {
  const matMul = ortMatMul(ort, nodeSessionOptions(1), new InferenceGate());
  const shapes = Array.from({ length: 12 }, (_, i) => [i + 1, 3 + ((i * 5) % 7), 20 - i] as const);
  await Promise.all(
    shapes.map(async ([rows, inner, columns]) => {
      const a = Float32Array.from(hashUniform('a', rows * inner));
      const b = Float32Array.from(hashUniform('b', inner * columns));
      const product = await matMul.multiply(a, b, inner);
      const expected = await plainMatMul.multiply(a, b, inner);
      expect(product.length).toBe(rows * columns);
      product.forEach((value, i) => expect(value).toBeCloseTo(expected[i]!, 5));
    }),
  );
  await matMul.close();
});
