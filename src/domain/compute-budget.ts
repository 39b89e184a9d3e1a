/**
 * What `inference_type` means on this device. A budget never changes size, steps or batch that were asked for: it
 * decides how they are computed.
 */
export const INFERENCE_TYPES = ['a10g', 'a100', 'h100'] as const;
export type InferenceType = (typeof INFERENCE_TYPES)[number];

export interface ComputeBudget {
  readonly inferenceType: InferenceType;
  /** Upper bound for GPU memory; null where the device's own limit decides. */
  readonly gpuBytes: number | null;
  /** `stage-by-stage` releases a session as soon as its stage is over; `resident` keeps it for the next run. */
  readonly sessions: 'stage-by-stage' | 'resident';
  /** Whether the conditional and unconditional denoiser passes run as one batch of two. */
  readonly guidancePasses: 'sequential' | 'together';
  readonly weights: 'default' | 'quality';
  readonly decoder: 'fast' | 'full';
  /** wasm / CPU threads. */
  readonly threads: number;
}

const GB = 1e9;

export interface BudgetDevice {
  readonly kind: 'webgpu-f16' | 'webgpu-f32' | 'wasm' | 'node-cpu';
  /** Logical cores. */
  readonly cores: number;
  /** Without it a browser has no shared memory, so one thread only. */
  readonly crossOriginIsolated: boolean;
}

/** The preset for a device; the table is the API document's. */
export function computeBudget(inferenceType: InferenceType, device: BudgetDevice): ComputeBudget {
  const threadsAllowed = device.kind === 'node-cpu' || device.crossOriginIsolated ? Math.max(1, device.cores) : 1;
  switch (inferenceType) {
    case 'a10g':
      return {
        inferenceType,
        gpuBytes: device.kind === 'webgpu-f16' ? 1.2 * GB : 1.7 * GB,
        sessions: 'stage-by-stage',
        guidancePasses: 'sequential',
        weights: 'default',
        decoder: 'fast',
        threads: 1,
      };
    case 'a100':
      return {
        inferenceType,
        gpuBytes: 2.5 * GB,
        sessions: 'resident',
        guidancePasses: device.kind === 'wasm' || device.kind === 'node-cpu' ? 'sequential' : 'together',
        weights: 'default',
        decoder: 'fast',
        threads: Math.max(1, Math.ceil(threadsAllowed / 2)),
      };
    case 'h100':
      return {
        inferenceType,
        gpuBytes: null,
        sessions: 'resident',
        guidancePasses: 'together',
        weights: 'quality',
        decoder: 'full',
        threads: threadsAllowed,
      };
  }
}
