import { describe, expect, it } from 'vitest';
import { describeAdapter, probeGpu } from '../../../src/runtime/capabilities.ts';
import { chooseBackend } from '../../../src/runtime/choose-backend.ts';

function adapter(info: Partial<GPUAdapterInfo>, features: readonly string[] = []): GPUAdapter {
  // Only what the description reads.
  return {
    info: { vendor: '', architecture: '', device: '', description: '', isFallbackAdapter: false, ...info },
    features: new Set(features),
  } as unknown as GPUAdapter;
}

const nvidia = describeAdapter(adapter({ vendor: 'nvidia', architecture: 'ada' }, ['shader-f16', 'subgroups']));
const old = describeAdapter(adapter({ vendor: 'intel', architecture: 'gen-9' }));
const software = describeAdapter(adapter({ vendor: 'google', architecture: 'swiftshader' }, ['subgroups']));

describe('describeAdapter', () => {
  it('reads names and features', () => {
    expect(nvidia).toMatchObject({ software: false, f16: true, subgroups: true, description: 'nvidia ada' });
    expect(old).toMatchObject({ software: false, f16: false, subgroups: false });
  });

  it.each([
    { architecture: 'swiftshader' },
    { description: 'llvmpipe (LLVM 15.0.6, 256 bits)' },
    { description: 'Microsoft Basic Render Driver' },
    { isFallbackAdapter: true },
  ])('knows a software adapter by %o', (info) => {
    expect(describeAdapter(adapter(info)).software).toBe(true);
  });

  it('knows the older place of the fallback flag', () => {
    expect(describeAdapter(Object.assign(adapter({}), { isFallbackAdapter: true })).software).toBe(true);
  });
});

describe('probeGpu', () => {
  it('answers null where there is no WebGPU, no adapter, or a browser that throws', async () => {
    const gpu = (requestAdapter: () => Promise<null>) => ({ requestAdapter }) as unknown as GPU;
    expect(await probeGpu(undefined)).toBeNull();
    expect(await probeGpu(gpu(() => Promise.resolve(null)))).toBeNull();
    expect(await probeGpu(gpu(() => Promise.reject(new Error('blocked'))))).toBeNull();
  });
});

describe('chooseBackend', () => {
  it.each([
    [nvidia, true, 'auto', 'webgpu-f16'],
    [old, true, 'auto', 'webgpu-f32'],
    [software, true, 'auto', 'wasm'],
    [software, true, 'webgpu', 'webgpu-f32'],
    [nvidia, true, 'wasm', 'wasm'],
    [null, true, 'auto', 'wasm'],
    [null, false, 'auto', 'wasm'],
  ] as const)('case %#', (gpu, hasWebGpu, wish, kind) => {
    expect(chooseBackend(gpu, hasWebGpu, wish).kind).toBe(kind);
  });

  it('tells the four ways to the CPU apart', () => {
    const reasons = [
      chooseBackend(null, false, 'auto'),
      chooseBackend(null, true, 'auto'),
      chooseBackend(software, true, 'auto'),
      chooseBackend(nvidia, true, 'wasm'),
    ].map(({ reason }) => reason);
    expect(new Set(reasons).size).toBe(4);
    expect(reasons[2]).toContain('software adapter');
  });
});
