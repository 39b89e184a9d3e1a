import type { BackendWish } from '../domain/ports.ts';
import type { GpuCapabilities } from './capabilities.ts';

export interface BackendChoice {
  readonly kind: 'webgpu-f16' | 'webgpu-f32' | 'wasm';
  /** One English sentence for the page and the log. */
  readonly reason: string;
}

/**
 * The one rule: WebGPU in f16, else WebGPU in f32, else the CPU by wasm. A software adapter counts as no GPU unless
 * `wish` is 'webgpu' (tests). `hasWebGpu`: whether the browser has `navigator.gpu` at all.
 */
export function chooseBackend(gpu: GpuCapabilities | null, hasWebGpu: boolean, wish: BackendWish): BackendChoice {
  if (wish === 'wasm') return { kind: 'wasm', reason: 'The CPU was asked for.' };
  if (gpu === null) {
    return {
      kind: 'wasm',
      reason: hasWebGpu
        ? 'The browser has WebGPU but found no graphics adapter, so the CPU computes.'
        : 'This browser has no WebGPU, so the CPU computes.',
    };
  }
  if (gpu.software && wish === 'auto') {
    return {
      kind: 'wasm',
      reason: 'WebGPU offers only a software adapter, which is slower than computing on the CPU.',
    };
  }
  return gpu.f16
    ? { kind: 'webgpu-f16', reason: 'The graphics adapter computes in half precision.' }
    : { kind: 'webgpu-f32', reason: 'The graphics adapter has no half precision, so it computes in single precision.' };
}
