import * as ort from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import { AppError } from '../../../src/domain/errors.ts';
import { float32Tensor } from '../../../src/domain/tensor.ts';
import { InferenceGate } from '../../../src/runtime/inference-gate.ts';
import type { OrtNamespace } from '../../../src/runtime/ort-namespace.ts';
import { OrtSessionRunner } from '../../../src/runtime/session-runner.ts';
import { buildScaling, makeScalingBundle, WIDTH } from './scaling-bundle.ts';

/** An onnxruntime whose calls do what the test says, and which notices overlapping calls. */
class ScriptedOrt {
  inside = 0;
  mostInside = 0;
  calls: string[] = [];
  create = (): Promise<unknown> => Promise.resolve();
  run = (): Promise<unknown> => Promise.resolve();

  async #step(name: string, work: () => Promise<unknown>): Promise<void> {
    this.calls.push(name);
    this.mostInside = Math.max(this.mostInside, ++this.inside);
    try {
      await new Promise((resolve) => setTimeout(resolve, 1));
      await work();
    } finally {
      this.inside--;
    }
  }

  namespace(): OrtNamespace {
    const session = {
      run: async () => {
        await this.#step('run', () => this.run());
        return {};
      },
      release: () => this.#step('release', () => Promise.resolve()),
    };
    const create = async () => {
      await this.#step('create', () => this.create());
      return session;
    };
    // Only what the runner calls.
    return { InferenceSession: { create }, Tensor: ort.Tensor } as unknown as OrtNamespace;
  }
}

function setUp(takeDeviceError?: () => AppError | null) {
  const script = new ScriptedOrt();
  const gate = new InferenceGate();
  const runner = new OrtSessionRunner({
    ort: script.namespace(),
    gate,
    bundle: makeScalingBundle().bundle,
    backend: { kind: 'webgpu-f32', reason: 'test', device: 'test', threads: 1 },
    buildNetwork: buildScaling,
    compute: 'float32',
    sessionOptions: {},
    weights: 'blob',
    weightLimit: null,
    device: null,
    ...(takeDeviceError === undefined ? {} : { takeDeviceError }),
  });
  return { script, gate, runner };
}

const feeds = { x: float32Tensor(new Float32Array(WIDTH), [1, WIDTH]) };
const LOST = new AppError('device-lost', 'gone', { retryable: true });

describe('OrtSessionRunner when onnxruntime fails', () => {
  it('never has two calls inside', async () => {
    const { script, runner } = setUp();
    await Promise.all([
      runner.run('denoiser', feeds),
      runner.run('denoiser', feeds),
      runner.run('textEncoder', feeds),
      runner.release('denoiser'),
    ]);
    expect(script.calls).toEqual(['create', 'run', 'run', 'create', 'run', 'release']);
    expect(script.mostInside).toBe(1);
  });

  it('goes on after an error that is not fatal', async () => {
    const { script, runner } = setUp();
    script.run = () => Promise.reject(new Error('Got invalid dimensions for input: x'));
    await expect(runner.run('denoiser', feeds)).rejects.toMatchObject({ code: 'graph-invalid', retryable: false });
    script.run = () => Promise.resolve();
    await expect(runner.run('denoiser', feeds)).resolves.toEqual({});
  });

  it('refuses everything after poisoning', async () => {
    const { script, runner } = setUp();
    script.create = () => Promise.reject(new Error('another WebGPU EP inference session is being created.'));
    const poisoned = { code: 'engine-poisoned', retryable: true };
    await expect(runner.run('denoiser', feeds)).rejects.toMatchObject(poisoned);
    await expect(runner.run('textEncoder', feeds)).rejects.toMatchObject(poisoned);
    expect(script.calls).toEqual(['create']);
  });

  it('frees a hanging run and whoever waits when the device is lost, and touches nothing afterwards', async () => {
    const { script, gate, runner } = setUp();
    await runner.run('textEncoder', feeds);
    script.run = () => new Promise(() => undefined);
    const hanging = runner.run('textEncoder', feeds);
    const waiting = runner.run('denoiser', feeds);
    setTimeout(() => gate.fail(LOST), 5);
    await expect(hanging).rejects.toBe(LOST);
    await expect(waiting).rejects.toBe(LOST);
    await runner.close();
    expect(runner.residentBytes()).toBe(0);
    expect(script.calls).toEqual(['create', 'run', 'run']);
  });

  it('reports what the device said beside the call, once', async () => {
    const outOfMemory = new AppError('out-of-memory', 'no room');
    let pending: AppError | null = null;
    const { runner } = setUp(() => {
      const error = pending;
      pending = null;
      return error;
    });
    await runner.run('denoiser', feeds);
    pending = outOfMemory;
    await expect(runner.run('denoiser', feeds)).rejects.toBe(outOfMemory);
    await expect(runner.run('denoiser', feeds)).resolves.toEqual({});
  });
});
