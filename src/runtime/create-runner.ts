import type { ModelBundle } from '../bundle/open-bundle.ts';
import type { BackendInfo } from '../domain/ports.ts';
import { buildNetwork } from '../networks/build-network.ts';
import type { ComputeType } from '../networks/graph.ts';
import { F16GuardedRunner, type F16Verdicts } from './f16-guard.ts';
import type { Backend } from './open-backend.ts';
import { OrtSessionRunner, type ClosableRunner } from './session-runner.ts';

export interface RunnerOptions {
  /** Upper bound for resident weight bytes (`ComputeBudget.gpuBytes`); null = none. */
  readonly weightLimit: number | null;
  /** Where the verdicts on half precision are kept between visits; default: for this runner's life. */
  readonly verdicts?: F16Verdicts;
}

/** A runner for one bundle on an opened backend. Several runners may share the backend; close each when done. */
export function createRunner(backend: Backend, bundle: ModelBundle, options: RunnerOptions): ClosableRunner {
  const runner = (compute: ComputeType, info: BackendInfo): OrtSessionRunner =>
    new OrtSessionRunner({
      ort: backend.ort,
      gate: backend.gate,
      bundle,
      backend: info,
      buildNetwork,
      compute,
      sessionOptions: backend.sessionOptions,
      weights: backend.build === 'jspi' ? 'blob' : 'bytes',
      weightLimit: options.weightLimit,
      device: backend.gpu?.device ?? null,
      ...(backend.gpu === null ? {} : { takeDeviceError: backend.gpu.takeError }),
    });
  if (backend.info.kind !== 'webgpu-f16') return runner('float32', backend.info);
  return new F16GuardedRunner({
    f16: runner('float16', backend.info),
    f32: runner('float32', { ...backend.info, kind: 'webgpu-f32' }),
    // A browser update brings another compiler, so it asks for another look.
    deviceKey: `${navigator.userAgent} ${backend.info.device} ${bundle.manifest.id}@${bundle.manifest.version}`,
    verdicts: options.verdicts ?? memoryVerdicts(),
  });
}

function memoryVerdicts(): F16Verdicts {
  const verdicts = new Map<string, boolean>();
  return {
    get: (key) => Promise.resolve(verdicts.get(key)),
    set: (key, sound) => Promise.resolve(void verdicts.set(key, sound)),
  };
}
