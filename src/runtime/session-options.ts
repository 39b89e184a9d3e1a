import type { OrtSessionOptions } from './ort-namespace.ts';

/**
 * Convolution layout on WebGPU. onnxruntime's own default (NHWC) wraps every convolution in transposes, and with
 * int8 weights it also transposes the dequantised weight on every run; NCHW runs one program.
 */
const PREFERRED_LAYOUT = 'NCHW';

/** 3 = errors only: onnxruntime's warnings about nodes left on the CPU are expected (shape glue). */
const LOG_SEVERITY = 3;

/**
 * Keeps DequantizeLinear of constant weights in the graph, so that weights stay packed in memory. Folding them to
 * floats would gain nothing on the CPU in wasm either (31 ms of CPU time per denoiser step of the starter's shape with
 * int8 convolutions, both ways; onnxruntime 1.30.0).
 */
const KEEP_WEIGHTS_PACKED = { session: { disable_qdq_constant_folding: '1' } };

/**
 * For the native WebGPU execution provider on our own device. Outputs stay on the device; the runner downloads those
 * that are asked for. 'simple' caches buffers by exact size: shapes are static, so run 2 allocates nothing, while the
 * default rounds every buffer up to a bucket. Every session on one device must be given the same cache mode.
 */
export function webgpuSessionOptions(
  device: GPUDevice,
  validation: 'wgpuOnly' | 'full' = 'wgpuOnly',
): OrtSessionOptions {
  return {
    executionProviders: [
      {
        name: 'webgpu',
        device,
        preferredLayout: PREFERRED_LAYOUT,
        storageBufferCacheMode: 'simple',
        validationMode: validation,
      },
    ],
    preferredOutputLocation: 'gpu-buffer',
    graphOptimizationLevel: 'all',
    logSeverityLevel: LOG_SEVERITY,
    extra: KEEP_WEIGHTS_PACKED,
  };
}

/** For the CPU inside the wasm module; its thread count is fixed when the module is loaded. */
export function wasmSessionOptions(): OrtSessionOptions {
  return {
    executionProviders: ['wasm'],
    graphOptimizationLevel: 'all',
    logSeverityLevel: LOG_SEVERITY,
    extra: KEEP_WEIGHTS_PACKED,
  };
}

/** For onnxruntime-node's CPU provider with that many threads. */
export function nodeSessionOptions(threads: number): OrtSessionOptions {
  return {
    executionProviders: ['cpu'],
    graphOptimizationLevel: 'all',
    logSeverityLevel: LOG_SEVERITY,
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
  };
}
