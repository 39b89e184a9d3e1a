import type { Tensor as OrtTensor } from 'onnxruntime-web/webgpu';
import type { OrtNamespace } from './ort-namespace.ts';

/** onnxruntime binds and copies buffers in units of this many bytes. */
const GRANULE = 16;

/** GPUBufferUsage and GPUMapMode of the WebGPU specification (§5.1.2, §5.1.3), which TypeScript's libraries lack. */
const MAP_READ = 0x1;
const COPY_SRC = 0x4;
const COPY_DST = 0x8;
const STORAGE = 0x80;
const MODE_READ = 0x1;

/**
 * Moves a session's float32 GPU output into a buffer of our own. onnxruntime's output tensors die with their session
 * (touching one afterwards is a use after free inside the wasm module), and tensors kept on the device have to outlive
 * it. The copy stays on the device. The session's tensor is disposed.
 */
export function takeOver(ort: OrtNamespace, device: GPUDevice, output: OrtTensor): OrtTensor {
  const bytes = output.size * Float32Array.BYTES_PER_ELEMENT;
  const size = Math.ceil(bytes / GRANULE) * GRANULE;
  const buffer = device.createBuffer({ size, usage: STORAGE | COPY_SRC | COPY_DST });
  copy(device, output.gpuBuffer, buffer, size);
  output.dispose();
  return ort.Tensor.fromGpuBuffer(buffer, {
    dataType: 'float32',
    dims: output.dims,
    download: async () => new Float32Array(await download(device, buffer, size)).subarray(0, output.size),
    dispose: () => buffer.destroy(),
  });
}

async function download(device: GPUDevice, source: GPUBuffer, size: number): Promise<ArrayBuffer> {
  const staging = device.createBuffer({ size, usage: COPY_DST | MAP_READ });
  try {
    copy(device, source, staging, size);
    await staging.mapAsync(MODE_READ);
    return staging.getMappedRange().slice(0);
  } finally {
    staging.destroy();
  }
}

function copy(device: GPUDevice, source: GPUBuffer, target: GPUBuffer, size: number): void {
  const encoder = device.createCommandEncoder();
  encoder.copyBufferToBuffer(source, 0, target, 0, size);
  device.queue.submit([encoder.finish()]);
}
