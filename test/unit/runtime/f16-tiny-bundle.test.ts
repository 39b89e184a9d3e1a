/** The guard over real half-precision graphs (which onnxruntime's CPU provider can run as well). */
import * as ort from 'onnxruntime-node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openBundle, type ModelBundle } from '../../../src/bundle/open-bundle.ts';
import { elementCount, float32Tensor, type HostTensor } from '../../../src/domain/tensor.ts';
import { buildNetwork } from '../../../src/networks/build-network.ts';
import { F16GuardedRunner, F16_TOLERANCE, relativeDifference } from '../../../src/runtime/f16-guard.ts';
import { InferenceGate } from '../../../src/runtime/inference-gate.ts';
import { nodeSessionOptions } from '../../../src/runtime/session-options.ts';
import { OrtSessionRunner } from '../../../src/runtime/session-runner.ts';
import { makeTinyBundle, tinyBundleDims } from '../../fixtures/tiny-bundle.ts';

const ROLES = ['textEncoder', 'conditioner', 'denoiser', 'latentEncoder', 'latentDecoder'] as const;

function feeds(role: (typeof ROLES)[number]): Record<string, HostTensor> {
  const entries = Object.entries(tinyBundleDims()[role]).map(([name, dims]): [string, HostTensor] => {
    const count = elementCount(dims);
    if (name === 'input_ids') return [name, { dtype: 'int32', dims, data: new Int32Array(count).fill(1) }];
    return [
      name,
      float32Tensor(
        Float32Array.from({ length: count }, (_, i) => Math.sin(i)),
        dims,
      ),
    ];
  });
  return Object.fromEntries(entries);
}

describe('half precision with the tiny bundle', () => {
  let guarded: F16GuardedRunner;
  let reference: OrtSessionRunner;

  beforeAll(async () => {
    const bundle = await openBundle(makeTinyBundle({ weights: 'quantised' }));
    const half = runner(bundle, 'float16');
    const verdicts = { get: () => Promise.resolve(undefined), set: () => Promise.resolve() };
    reference = runner(bundle, 'float32');
    guarded = new F16GuardedRunner({ f16: half, f32: runner(bundle, 'float32'), deviceKey: 'cpu', verdicts });
  });
  afterAll(async () => {
    await guarded.close();
    await reference.close();
  });

  it.each(ROLES)('%s is found sound, close, and the same from the first run on', async (role) => {
    const single = await reference.run(role, feeds(role));
    const checked = await guarded.run(role, feeds(role));
    const trusted = await guarded.run(role, feeds(role));
    expect(guarded.backend.kind).toBe('webgpu-f16');
    expect(checked).toEqual(trusted);
    for (const [name, tensor] of Object.entries(single)) {
      const [expected, actual] = [tensor, trusted[name]] as HostTensor[];
      const difference = relativeDifference(actual!.data as Float32Array, expected!.data as Float32Array);
      // Not zero: it is half precision indeed.
      expect(difference).toBeGreaterThan(0);
      expect(difference).toBeLessThan(F16_TOLERANCE);
    }
  });
});

function runner(bundle: ModelBundle, compute: 'float16' | 'float32'): OrtSessionRunner {
  return new OrtSessionRunner({
    ort,
    gate: new InferenceGate(),
    bundle,
    backend: { kind: compute === 'float16' ? 'webgpu-f16' : 'webgpu-f32', reason: '', device: 'cpu', threads: 1 },
    buildNetwork,
    compute,
    sessionOptions: nodeSessionOptions(1),
    weights: 'bytes',
    weightLimit: null,
    device: null,
  });
}
