import { AppError, isAppError } from '../domain/errors.ts';
import type { BackendInfo, BackendWish, EngineBuild } from '../domain/ports.ts';
import { ATTENTION_TOLERANCE, attentionError } from './attention-self-test.ts';
import { describeAdapter, probeGpu, type GpuCapabilities } from './capabilities.ts';
import { chooseBackend, type BackendChoice } from './choose-backend.ts';
import { openDevice, type ComputeDevice } from './device.ts';
import { InferenceGate } from './inference-gate.ts';
import { loadOrt, webgpuBuild } from './load-ort.ts';
import { fromOrtError } from './ort-errors.ts';
import type { OrtNamespace, OrtSessionOptions } from './ort-namespace.ts';
import { wasmSessionOptions, webgpuSessionOptions } from './session-options.ts';

export interface BackendOptions {
  /** 'webgpu' also accepts a software adapter, and fails instead of falling back to the CPU. Default 'auto'. */
  readonly wish?: BackendWish;
  /** CPU threads if the CPU computes; see `ComputeBudget.threads`. Fixed for the life of the worker. */
  readonly cpuThreads: number;
  /** WebGPU build other than the engine's own choice (tests). */
  readonly build?: Exclude<EngineBuild, 'wasm'>;
}

/** One loaded onnxruntime on one device; all runners of a worker share it. */
export interface Backend {
  readonly info: BackendInfo;
  readonly ort: OrtNamespace;
  readonly gate: InferenceGate;
  readonly build: EngineBuild;
  readonly sessionOptions: OrtSessionOptions;
  /** Null when the CPU computes. */
  readonly gpu: ComputeDevice | null;
  /** Whether the device was opened with subgroups; false as well when the CPU computes. */
  readonly subgroups: boolean;
}

/**
 * Chooses, loads and tests what computes here. Call once per worker.
 * Throws AppError `backend-unavailable` when nothing can compute, or when WebGPU was insisted on and cannot.
 */
export async function openBackend(options: BackendOptions): Promise<Backend> {
  const wish = options.wish ?? 'auto';
  // lib.dom declares navigator.gpu as always there; browsers without WebGPU disagree.
  const gpu = (navigator as { readonly gpu?: GPU }).gpu;
  const probe = wish === 'wasm' ? null : await probeGpu(gpu);
  const choice = chooseBackend(probe, gpu !== undefined, wish);
  if (choice.kind === 'wasm') {
    if (wish === 'webgpu') throw new AppError('backend-unavailable', choice.reason);
    return openCpu(choice.reason, options.cpuThreads);
  }
  try {
    // chooseBackend picks WebGPU only where there is an adapter, and an adapter only comes from navigator.gpu.
    return await openWebGpu(gpu!, probe!, choice, options.build ?? webgpuBuild());
  } catch (error) {
    if (wish === 'webgpu') throw error;
    const why = isAppError(error) ? error.message : 'It failed its start-up test.';
    return openCpu(`The graphics adapter cannot be used, so the CPU computes. ${why}`, options.cpuThreads);
  }
}

async function openCpu(reason: string, threads: number): Promise<Backend> {
  const allowed = globalThis.crossOriginIsolated ? threads : 1;
  return {
    info: { kind: 'wasm', reason, device: 'CPU', threads: allowed },
    ort: await loadOrt('wasm', allowed),
    gate: new InferenceGate(),
    build: 'wasm',
    sessionOptions: wasmSessionOptions(),
    gpu: null,
    subgroups: false,
  };
}

async function openWebGpu(
  gpu: GPU,
  probe: GpuCapabilities,
  choice: BackendChoice,
  build: Exclude<EngineBuild, 'wasm'>,
): Promise<Backend> {
  // On WebGPU threads would serve only the few nodes left on the CPU.
  const ort = await loadOrt(build, 1);
  const gate = new InferenceGate();
  const { device, subgroups } = await openSoundDevice(gpu, probe, ort, gate);
  void device.lost.then((error) => gate.fail(error));
  return {
    info: { kind: choice.kind, reason: choice.reason, device: probe.description, threads: 1 },
    ort,
    gate,
    build,
    sessionOptions: webgpuSessionOptions(device.device),
    gpu: device,
    subgroups,
  };
}

/** A device on which attention is right: with subgroups if they are, else without. */
async function openSoundDevice(
  gpu: GPU,
  probe: GpuCapabilities,
  ort: OrtNamespace,
  gate: InferenceGate,
): Promise<{ device: ComputeDevice; subgroups: boolean }> {
  const attempts = probe.subgroups ? [true, false] : [false];
  let adapter = probe.adapter;
  let found = 'was not tried';
  for (const subgroups of attempts) {
    const device = await openDevice(adapter, { subgroups });
    try {
      const error = await gate.enter(() => testAttention(ort, webgpuSessionOptions(device.device)));
      if (error <= ATTENTION_TOLERANCE) return { device, subgroups };
      found = `is wrong by ${error.toPrecision(2)}`;
    } catch (error) {
      // A graph that the subgroup path cannot run may still run without it; anything else is not about attention.
      if (!isAppError(error, 'graph-invalid')) {
        device.close();
        throw error;
      }
      found = `does not run: ${error.message}`;
    }
    device.close();
    // An adapter opens one device only.
    adapter = (await probeGpu(gpu))?.adapter ?? adapter;
  }
  throw new AppError('backend-unavailable', `Its attention ${found}.`, {
    details: { adapter: describeAdapter(adapter).description },
  });
}

async function testAttention(ort: OrtNamespace, options: OrtSessionOptions): Promise<number> {
  try {
    return await attentionError(ort, options);
  } catch (error) {
    throw fromOrtError(error, 'The attention self-test');
  }
}
