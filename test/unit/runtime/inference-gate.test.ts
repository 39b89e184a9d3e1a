import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, test } from 'vitest';
import { AppError } from '../../../src/domain/errors.ts';
import { InferenceGate } from '../../../src/runtime/inference-gate.ts';

test('keeps nothing of what passed through it', async () => {
  setFlagsFromString('--expose-gc');
  const collectGarbage = runInNewContext('gc') as () => void;
  const gate = new InferenceGate();
  const passed: WeakRef<object>[] = [];
  for (let i = 0; i < 5; i++) {
    await gate.enter(() => {
      const result = new Float32Array(1000);
      passed.push(new WeakRef(result));
      return Promise.resolve(result);
    });
  }
  // A WeakRef holds on until the turn of the event loop is over.
  await new Promise((resolve) => setTimeout(resolve, 10));
  collectGarbage();
  expect(passed.map((ref) => ref.deref())).toEqual(new Array(5).fill(undefined));
});

test('a failure from outside ends the call inside and those that wait, and only it', async () => {
  const gate = new InferenceGate();
  const lost = new AppError('device-lost', 'The GPU is gone.');
  expect(await gate.enter(() => 1)).toBe(1);
  const inside = gate.enter(() => new Promise<never>(() => undefined));
  const waiting = gate.enter(() => 2);
  await Promise.resolve();
  gate.fail(lost);
  gate.fail(new AppError('engine-poisoned', 'A later one.'));
  await expect(inside).rejects.toBe(lost);
  await expect(waiting).rejects.toBe(lost);
  await expect(gate.enter(() => 3)).rejects.toBe(lost);
});

test('an ordinary error leaves the gate open', async () => {
  const gate = new InferenceGate();
  const wrong = () => {
    throw new Error('wrong shape');
  };
  await expect(gate.enter(wrong)).rejects.toThrow('wrong shape');
  expect(await gate.enter(() => 4)).toBe(4);
});
