import { expect } from '@playwright/test';
import { test } from './scenario-test.ts';

const WEBGPU = { wish: 'webgpu' } as const;
const ASYNCIFY = { wish: 'webgpu', build: 'asyncify' } as const;
const CPU = { wish: 'wasm' } as const;
const NETWORKS = ['textEncoder', 'conditioner', 'denoiser', 'latentEncoder', 'latentDecoder'];

type Outputs = Record<string, { dims: readonly number[]; data: number[] }>;

/** Largest difference between outputs of the same names and shapes, relative to the largest expected value. */
function relativeError(actual: Outputs, expected: Outputs): number {
  expect(Object.keys(actual).sort()).toEqual(Object.keys(expected).sort());
  let difference = 0;
  let largest = 0;
  for (const [name, { dims, data }] of Object.entries(expected)) {
    const other = actual[name]!;
    expect(other.dims).toEqual(dims);
    data.forEach((value, i) => {
      difference = Math.max(difference, Math.abs(value - other.data[i]!) || 0);
      largest = Math.max(largest, Math.abs(value));
    });
    expect(other.data.every(Number.isFinite)).toBe(true);
  }
  expect(largest).toBeGreaterThan(0);
  return difference / largest;
}

test('a software adapter counts as no GPU, and the reason says so', async ({ run }) => {
  const { kind, build, reason } = await run('backend', {}, 'last');
  expect({ kind, build }).toEqual({ kind: 'wasm', build: 'wasm' });
  expect(reason).toContain('software adapter');
});

test('the attention self-test refuses subgroups on the software adapter', async ({ run }) => {
  expect(await run('backend', WEBGPU)).toMatchObject({ kind: 'webgpu-f32', build: 'jspi', subgroups: false });
});

test('the CPU with two threads gives what one gives', async ({ run }) => {
  const two = { ...CPU, threads: 2 };
  expect(await run('backend', two)).toMatchObject({ kind: 'wasm', threads: 2 });
  const expected = await run('networks', CPU);
  const actual = await run('networks', two, 'last');
  for (const role of NETWORKS) {
    expect(relativeError(actual.outputs[role]!, expected.outputs[role]!), role).toBeLessThan(1e-5);
  }
});

for (const { name, options } of [
  { name: 'WebGPU with JSPI', options: WEBGPU },
  { name: 'WebGPU with asyncify', options: ASYNCIFY },
]) {
  test(`${name}: every network gives what it gives on the CPU`, async ({ run }) => {
    const expected = await run('networks', CPU);
    const actual = await run('networks', options);
    expect(actual.build).toBe(options === ASYNCIFY ? 'asyncify' : 'jspi');
    for (const role of NETWORKS) {
      expect(relativeError(actual.outputs[role]!, expected.outputs[role]!), role).toBeLessThan(1e-4);
    }
  });

  test(`${name}: tensors kept on the device outlive their session and feed the next one`, async ({ run }) => {
    const { onDevice, expected, actual, downloaded, read, resident } = await run('keptOnDevice', options);
    expect(onDevice).toEqual([true, true]);
    expect(relativeError(actual, expected)).toBeLessThan(1e-6);
    expect(relativeError(read, downloaded)).toBeLessThan(1e-6);
    expect(resident).toBe(0);
  });
}

for (const { name, options } of [
  { name: 'WebGPU with JSPI', options: WEBGPU },
  { name: 'WebGPU with asyncify', options: ASYNCIFY },
  { name: 'CPU', options: CPU },
]) {
  test(`${name}: concurrent calls are served in turn`, async ({ run }) => {
    const [first, second, text] = await run('concurrent', options);
    expect(first).toEqual(second);
    expect(Object.keys(text!)).toEqual(['last_hidden_state']);
  });

  test(`${name}: bad weights are refused and the engine works afterwards`, async ({ run }) => {
    const { codes, outputs } = await run('badWeights', options);
    expect(codes).toEqual(['weights-invalid', 'bundle-missing-file']);
    expect(Object.keys(outputs)).toEqual(['image']);
  });

  test(`${name}: a graph that cannot be built is refused and the engine works afterwards`, async ({ run }) => {
    const { code, outputs } = await run('badGraph', options);
    expect(code).toBe('graph-invalid');
    expect(Object.keys(outputs)).toEqual(['image']);
  });
}

test('networks of official models give on WebGPU what they give on the CPU', async ({ run }) => {
  const expected = await run('officialNetworks', CPU);
  const actual = await run('officialNetworks', WEBGPU);
  expect(Object.keys(expected)).toHaveLength(5);
  for (const role of Object.keys(expected)) {
    expect(relativeError(actual[role]!, expected[role]!), role).toBeLessThan(1e-4);
  }
});

test('one image made on WebGPU is the image made on the CPU', async ({ run }) => {
  const expected = await run('generate', CPU);
  const actual = await run('generate', WEBGPU);
  expect([actual.width, actual.height]).toEqual([128, 128]);
  const sum = expected.pixels.reduce((total, value, i) => total + Math.abs(value - actual.pixels[i]!), 0);
  expect(sum / expected.pixels.length).toBeLessThan(2);
  // The picture is not empty: its colours differ.
  expect(new Set(expected.pixels).size).toBeGreaterThan(16);
});

test('a lost device is an error, not a hang', async ({ run }) => {
  const { codes, resident } = await run('deviceLoss', WEBGPU, 'last');
  expect(codes).toEqual(['device-lost', 'device-lost']);
  expect(resident).toBe(0);
});
