import { describe, expect, it } from 'vitest';
import { AppError } from '../../../src/domain/errors.ts';
import { float32Tensor, isHostTensor, type Tensor } from '../../../src/domain/tensor.ts';
import { F16GuardedRunner, relativeDifference, type F16Verdicts } from '../../../src/runtime/f16-guard.ts';
import type { ClosableRunner } from '../../../src/runtime/session-runner.ts';

type Compute = (role: string) => number;

function runner(kind: 'webgpu-f16' | 'webgpu-f32', compute: Compute, log: string[]): ClosableRunner {
  return {
    backend: { kind, reason: kind, device: 'test', threads: 1 },
    run: async (role) => {
      log.push(`${kind} ${role}`);
      await Promise.resolve();
      return { y: float32Tensor(Float32Array.of(compute(role), 1), [2]) };
    },
    read: (tensor) => {
      if (!isHostTensor(tensor)) throw new Error('no device here');
      return Promise.resolve(tensor);
    },
    dispose: () => undefined,
    release: () => Promise.resolve(),
    close: () => Promise.resolve(),
    residentBytes: () => 0,
  };
}

function setUp(half: Compute) {
  const log: string[] = [];
  const stored = new Map<string, boolean>();
  const verdicts: F16Verdicts = {
    get: (key) => Promise.resolve(stored.get(key)),
    set: (key, sound) => Promise.resolve(void stored.set(key, sound)),
  };
  const make = () =>
    new F16GuardedRunner({
      f16: runner('webgpu-f16', half, log),
      f32: runner('webgpu-f32', () => 1, log),
      deviceKey: 'gpu',
      verdicts,
    });
  return { make, log };
}

const first = (outputs: Record<string, Tensor>) => {
  const y = outputs['y']!;
  return isHostTensor(y) ? Number(y.data[0]) : NaN;
};

describe('F16GuardedRunner', () => {
  it('checks each role once, then trusts it, also on the next visit', async () => {
    const { make, log } = setUp(() => 1.001);
    const guarded = make();
    const checked = first(await guarded.run('denoiser', {}));
    expect(checked).toBeCloseTo(1.001);
    // The run that is checked gives the same numbers as those that follow: same seed, same bytes.
    expect(first(await guarded.run('denoiser', {}))).toBe(checked);
    expect(first(await make().run('denoiser', {}))).toBe(checked);
    expect(log).toEqual(['webgpu-f16 denoiser', 'webgpu-f32 denoiser', 'webgpu-f16 denoiser', 'webgpu-f16 denoiser']);
    expect(guarded.backend.kind).toBe('webgpu-f16');
  });

  it.each([
    ['NaN', () => NaN],
    ['overflow', () => Infinity],
    ['far values', () => 1.2],
  ])('turns to single precision for good after %s, and tells', async (_what, half) => {
    const { make, log } = setUp((role) => (role === 'latentDecoder' ? half() : 1));
    const guarded = make();
    await guarded.run('denoiser', {});
    expect(first(await guarded.run('latentDecoder', {}))).toBe(1);
    log.length = 0;
    await guarded.run('denoiser', {});
    await guarded.run('latentDecoder', {});
    expect(log).toEqual(['webgpu-f32 denoiser', 'webgpu-f32 latentDecoder']);
    expect(guarded.backend).toMatchObject({ kind: 'webgpu-f32' });
    expect(guarded.backend.reason).toContain('latentDecoder');
    // Remembered: the next visit does not compute in half precision again.
    log.length = 0;
    await make().run('latentDecoder', {});
    expect(log).toEqual(['webgpu-f32 latentDecoder']);
  });

  it('works without storage, checking again on each visit', async () => {
    const log: string[] = [];
    const none = () => Promise.reject(new AppError('storage-unavailable', 'private window'));
    const guarded = new F16GuardedRunner({
      f16: runner('webgpu-f16', () => 1, log),
      f32: runner('webgpu-f32', () => 1, log),
      deviceKey: 'gpu',
      verdicts: { get: none, set: none },
    });
    await guarded.run('denoiser', {});
    await guarded.run('denoiser', {});
    expect(log).toEqual(['webgpu-f16 denoiser', 'webgpu-f32 denoiser', 'webgpu-f16 denoiser']);
  });

  it('takes a graph that half precision cannot run for unsound, but not a lost device', async () => {
    const refusing = setUp(() => {
      throw new AppError('graph-invalid', 'requires f16');
    });
    expect(first(await refusing.make().run('denoiser', {}))).toBe(1);
    const lost = setUp(() => {
      throw new AppError('device-lost', 'gone');
    });
    await expect(lost.make().run('denoiser', {})).rejects.toMatchObject({ code: 'device-lost' });
  });
});

describe('relativeDifference', () => {
  it('is the ratio of root mean squares', () => {
    expect(relativeDifference(Float32Array.of(3, 4), Float32Array.of(3, 4))).toBe(0);
    expect(relativeDifference(Float32Array.of(3.3, 4), Float32Array.of(3, 4))).toBeCloseTo(0.06, 5);
    expect(relativeDifference(Float32Array.of(0, 0), Float32Array.of(0, 0))).toBe(0);
    expect(relativeDifference(Float32Array.of(NaN), Float32Array.of(0))).toBe(Infinity);
  });
});
