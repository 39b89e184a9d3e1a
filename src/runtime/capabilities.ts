/** What the browser's WebGPU offers, without opening a device. */
export interface GpuCapabilities {
  readonly adapter: GPUAdapter;
  /** Rendered by the CPU (SwiftShader and the like): about 100 times slower than onnxruntime's own CPU code. */
  readonly software: boolean;
  readonly f16: boolean;
  readonly subgroups: boolean;
  /** Vendor and architecture, as far as the browser tells. */
  readonly description: string;
}

/** Names under which software adapters appear; `isFallbackAdapter` is not set by every browser. */
const SOFTWARE_NAMES = /swiftshader|llvmpipe|lavapipe|softpipe|software|basic render|\bwarp\b/i;

/** The best adapter's capabilities; null where the browser has no WebGPU or no adapter. Never throws. */
export async function probeGpu(gpu: GPU | undefined): Promise<GpuCapabilities | null> {
  const adapter = await requestAdapter(gpu);
  return adapter === null ? null : describeAdapter(adapter);
}

/** Capabilities of one adapter. */
export function describeAdapter(adapter: GPUAdapter): GpuCapabilities {
  const { info } = adapter;
  const names = [info.vendor, info.architecture, info.device, info.description].filter((name) => name !== '');
  return {
    adapter,
    software: isFallback(adapter) || names.some((name) => SOFTWARE_NAMES.test(name)),
    f16: adapter.features.has('shader-f16'),
    subgroups: adapter.features.has('subgroups'),
    description: [...new Set(names)].join(' ') || 'unnamed adapter',
  };
}

async function requestAdapter(gpu: GPU | undefined): Promise<GPUAdapter | null> {
  if (gpu === undefined) return null;
  try {
    return await gpu.requestAdapter({ powerPreference: 'high-performance' });
  } catch {
    // Some browsers throw where others answer null (blocked by policy, no driver).
    return null;
  }
}

/** The flag moved from the adapter to its info during standardisation; browsers of both ages are out there. */
function isFallback(adapter: GPUAdapter): boolean {
  const older = adapter as GPUAdapter & { readonly isFallbackAdapter?: boolean };
  return adapter.info.isFallbackAdapter || older.isFallbackAdapter === true;
}
