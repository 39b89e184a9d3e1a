import { afterEach, describe, expect, it } from 'vitest';
import { createNodeRunner, type NodeRunnerOptions } from '../../../cli/node-session-runner.ts';
import { float32Tensor, isHostTensor, type Tensor } from '../../../src/domain/tensor.ts';
import type { ClosableRunner } from '../../../src/runtime/session-runner.ts';
import { buildScaling, makeScalingBundle, WEIGHT_BYTES, WIDTH } from './scaling-bundle.ts';

const open: ClosableRunner[] = [];
afterEach(async () => {
  for (const runner of open.splice(0)) await runner.close();
});

function setUp(options: NodeRunnerOptions = {}) {
  const { bundle, files } = makeScalingBundle();
  const runner = createNodeRunner(bundle, { buildNetwork: buildScaling, ...options });
  open.push(runner);
  return { runner, files };
}

const rows = (count: number) => ({ x: float32Tensor(new Float32Array(count * WIDTH).fill(2), [count, WIDTH]) });

function values(tensor: Tensor | undefined): number[] {
  if (tensor === undefined || !isHostTensor(tensor)) throw new Error('not a host tensor');
  return Array.from(tensor.data, Number);
}

describe('OrtSessionRunner on onnxruntime-node', () => {
  it('runs the graph with the weights of its role', async () => {
    const { runner } = setUp();
    const { y } = await runner.run('denoiser', rows(2));
    expect(y?.dims).toEqual([2, WIDTH]);
    expect(values(y)).toEqual(new Array<number>(2 * WIDTH).fill(4));
    expect(values((await runner.run('latentDecoder', rows(1)))['y'])).toEqual(new Array<number>(WIDTH).fill(6));
  });

  it('runs an ONNX file of the bundle, whatever it calls its one input', async () => {
    const { runner } = setUp();
    expect(values((await runner.run('faceEncoder', { image: rows(1).x }))['y'])).toEqual(
      new Array<number>(WIDTH).fill(4),
    );
  });

  it('keeps one session per role and shape, and frees them by role', async () => {
    const { runner } = setUp();
    await runner.run('denoiser', rows(1));
    await runner.run('denoiser', rows(1));
    expect(runner.residentBytes()).toBe(WEIGHT_BYTES);
    await runner.run('denoiser', rows(2));
    await runner.run('textEncoder', rows(1));
    expect(runner.residentBytes()).toBe(3 * WEIGHT_BYTES);
    await runner.release('denoiser');
    expect(runner.residentBytes()).toBe(WEIGHT_BYTES);
    await runner.close();
    expect(runner.residentBytes()).toBe(0);
  });

  it('works after its sessions were freed', async () => {
    const { runner } = setUp();
    await runner.run('denoiser', rows(1));
    await runner.release('denoiser');
    expect(values((await runner.run('denoiser', rows(1)))['y'])).toEqual(new Array<number>(WIDTH).fill(4));
  });

  it('gives up the least recently used session for a new one when the limit is reached', async () => {
    const { runner, files } = setUp({ weightLimit: 2 * WEIGHT_BYTES });
    await runner.run('textEncoder', rows(1));
    await runner.run('denoiser', rows(1));
    await runner.run('textEncoder', rows(1));
    await runner.run('latentDecoder', rows(1));
    expect(runner.residentBytes()).toBe(2 * WEIGHT_BYTES);
    // Whoever needs its weights again is the one that was given up.
    files.clear();
    await runner.run('textEncoder', rows(1));
    await runner.run('latentDecoder', rows(1));
    await expect(runner.run('denoiser', rows(1))).rejects.toMatchObject({ code: 'bundle-missing-file' });
  });

  it('runs a session that alone exceeds the limit', async () => {
    const { runner } = setUp({ weightLimit: WEIGHT_BYTES - 1 });
    expect(values((await runner.run('denoiser', rows(1)))['y'])).toEqual(new Array<number>(WIDTH).fill(4));
  });

  it('refuses damaged weights before onnxruntime sees them, and works afterwards', async () => {
    const { runner, files } = setUp();
    const whole = files.get('denoiser.bin')!;
    files.set('denoiser.bin', whole.slice(1));
    await expect(runner.run('denoiser', rows(1))).rejects.toMatchObject({
      code: 'weights-invalid',
      details: { file: 'denoiser.bin' },
    });
    files.set('denoiser.bin', whole);
    expect(values((await runner.run('denoiser', rows(1)))['y'])).toEqual(new Array<number>(WIDTH).fill(4));
  });

  it('names tensors that lie outside their file', async () => {
    const { bundle } = makeScalingBundle();
    const entry = bundle.tensors.denoiser!['w']!;
    const outside = { ...entry, data: { offset: 4, length: WEIGHT_BYTES } };
    const tensors = { ...bundle.tensors, denoiser: { w: outside } } as typeof bundle.tensors;
    const runner = createNodeRunner({ ...bundle, tensors }, { buildNetwork: buildScaling });
    open.push(runner);
    await expect(runner.run('denoiser', rows(1))).rejects.toMatchObject({
      code: 'weights-invalid',
      details: { tensors: ['w'] },
    });
  });

  it('says which role a bundle lacks', async () => {
    const { runner } = setUp();
    await expect(runner.run('resampler', rows(1))).rejects.toMatchObject({
      code: 'bundle-invalid',
      details: { role: 'resampler' },
    });
  });

  it('maps feeds that do not fit to graph-invalid, and works afterwards', async () => {
    const { runner } = setUp();
    const x = float32Tensor(new Float32Array(WIDTH), [1, WIDTH]);
    await expect(runner.run('denoiser', { wrong: x })).rejects.toMatchObject({ code: 'graph-invalid' });
    await expect(runner.run('faceEncoder', rows(3))).rejects.toMatchObject({ code: 'graph-invalid' });
    await expect(runner.run('denoiser', rows(1))).resolves.toHaveProperty('y');
  });

  it('does not start what was cancelled', async () => {
    const { runner } = setUp();
    const signal = AbortSignal.abort();
    await expect(runner.run('denoiser', rows(1), { signal })).rejects.toMatchObject({ code: 'cancelled' });
    expect(runner.residentBytes()).toBe(0);
  });

  it('serves concurrent calls', async () => {
    const { runner } = setUp();
    const results = await Promise.all([
      runner.run('denoiser', rows(1)),
      runner.run('denoiser', rows(1)),
      runner.run('textEncoder', rows(2)),
    ]);
    expect(results.map(({ y }) => values(y)[0])).toEqual([4, 4, 2]);
    expect(runner.residentBytes()).toBe(2 * WEIGHT_BYTES);
  });

  it('returns host tensors where there is no device, also for outputs asked to stay', async () => {
    const { runner } = setUp();
    const { y } = await runner.run('denoiser', rows(1), { keepOnDevice: ['y'] });
    expect(isHostTensor(y!)).toBe(true);
    expect(await runner.read(y!)).toBe(y);
    expect(() => runner.dispose(y!)).not.toThrow();
  });

  it('refuses a device tensor that is not its own', async () => {
    const { runner } = setUp();
    const foreign = { dtype: 'float32', dims: [1, WIDTH], handle: {} } as const;
    await expect(runner.run('denoiser', { x: foreign })).rejects.toMatchObject({ code: 'internal' });
    await expect(runner.read(foreign)).rejects.toMatchObject({ code: 'internal' });
  });
});
