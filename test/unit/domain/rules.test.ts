import { describe, expect, it } from 'vitest';
import { computeBudget, INFERENCE_TYPES } from '../../../src/domain/compute-budget.ts';
import { AppError, isAppError, toAppError } from '../../../src/domain/errors.ts';
import { seedOfImage, randomSeed } from '../../../src/domain/seeds.ts';
import { denoiseFromStrength } from '../../../src/domain/strength.ts';
import { float32Tensor } from '../../../src/domain/tensor.ts';

describe('strength', () => {
  it('runs the other way round than denoise', () => {
    expect(denoiseFromStrength(0)).toBe(1);
    expect(denoiseFromStrength(1)).toBeCloseTo(0.1, 12);
    expect(denoiseFromStrength(0.5)).toBeCloseTo(0.55, 12);
  });
});

describe('seeds', () => {
  it('wrap at 2³²', () => {
    expect(seedOfImage(4294967295, 1)).toBe(0);
    expect(seedOfImage(5, 3)).toBe(8);
  });
  it('are u32 when nobody chose one', () => {
    const seed = randomSeed();
    expect(Number.isInteger(seed) && seed >= 0 && seed < 2 ** 32).toBe(true);
  });
});

describe('computeBudget', () => {
  const isolated = { kind: 'wasm', cores: 8, crossOriginIsolated: true } as const;
  it('gives more threads and keeps more resident as the preset grows', () => {
    expect(INFERENCE_TYPES.map((type) => computeBudget(type, isolated).threads)).toEqual([1, 4, 8]);
    expect(INFERENCE_TYPES.map((type) => computeBudget(type, isolated).sessions)).toEqual([
      'stage-by-stage',
      'resident',
      'resident',
    ]);
  });
  it('has one thread without cross-origin isolation, except outside browsers', () => {
    expect(
      INFERENCE_TYPES.map((type) => computeBudget(type, { ...isolated, crossOriginIsolated: false }).threads),
    ).toEqual([1, 1, 1]);
    expect(computeBudget('h100', { kind: 'node-cpu', cores: 2, crossOriginIsolated: false }).threads).toBe(2);
  });
  it('allows f32 more memory than f16 in the economy preset', () => {
    expect(computeBudget('a10g', { ...isolated, kind: 'webgpu-f16' }).gpuBytes).toBe(1.2e9);
    expect(computeBudget('a10g', { ...isolated, kind: 'webgpu-f32' }).gpuBytes).toBe(1.7e9);
  });
});

describe('errors', () => {
  it('are known by code, also after losing their prototype', () => {
    const error = new AppError('no-face', 'nothing', { details: { found: 0 } });
    const crossed: unknown = { name: error.name, code: error.code, message: error.message };
    expect(isAppError(crossed, 'no-face')).toBe(true);
    expect(isAppError(crossed, 'internal')).toBe(false);
    expect(isAppError(new Error('x'))).toBe(false);
    expect(isAppError({ name: 'AppError', code: 'made-up' })).toBe(false);
  });
  it('wrap anything else as internal with its cause', () => {
    const cause = new RangeError('x');
    expect(toAppError(cause)).toMatchObject({ code: 'internal', message: 'x', cause });
    expect(toAppError('text').message).toBe('text');
  });
});

describe('tensors', () => {
  it('refuse data that does not fill the shape', () => {
    expect(() => float32Tensor(new Float32Array(5), [2, 3])).toThrow(/needs 6 values, got 5/);
  });
});
