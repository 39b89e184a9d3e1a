import type * as OrtModule from 'onnxruntime-web/webgpu';
import { AppError } from '../domain/errors.ts';
import type { EngineBuild } from '../domain/ports.ts';
import type { OrtNamespace } from './ort-namespace.ts';

/**
 * Which build serves WebGPU here: JSPI where the engine can switch stacks (4.1 MB instead of 6.6 MB to download, and
 * it streams weights to the GPU), else asyncify. Without WebGPU the CPU-only build is the smallest (3.7 MB).
 */
export function webgpuBuild(): Exclude<EngineBuild, 'wasm'> {
  return 'Suspending' in WebAssembly ? 'jspi' : 'asyncify';
}

/**
 * Loads one build from the app's own origin; only the one asked for is downloaded. `threads` is fixed for the life of
 * the worker; without cross-origin isolation there is no shared memory, so 1.
 * Throws AppError `backend-unavailable`.
 */
export async function loadOrt(build: EngineBuild, threads: number): Promise<OrtNamespace> {
  try {
    const ort = await importBuild(build);
    ort.env.wasm.numThreads = threads;
    ort.env.wasm.proxy = false; // we are in a worker already, and GPU tensors cannot cross the proxy
    ort.env.logLevel = 'error';
    return ort;
  } catch (cause) {
    throw new AppError('backend-unavailable', 'The inference engine could not be loaded; reload the page.', {
      retryable: true,
      details: { build },
      cause,
    });
  }
}

function importBuild(build: EngineBuild): Promise<typeof OrtModule> {
  switch (build) {
    case 'jspi':
      return import('onnxruntime-web/jspi');
    case 'asyncify':
      return import('onnxruntime-web/webgpu');
    case 'wasm':
      return import('onnxruntime-web/wasm');
  }
}
