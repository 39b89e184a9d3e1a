import { cpus } from 'node:os';
import * as native from 'onnxruntime-node';
import type { ModelBundle } from '../src/bundle/open-bundle.ts';
import { buildNetwork } from '../src/networks/build-network.ts';
import type { BackendKind } from '../src/domain/ports.ts';
import { InferenceGate } from '../src/runtime/inference-gate.ts';
import type { OrtNamespace } from '../src/runtime/ort-namespace.ts';
import { nodeSessionOptions } from '../src/runtime/session-options.ts';
import { OrtSessionRunner, type ClosableRunner, type NetworkBuilder } from '../src/runtime/session-runner.ts';

export interface NodeRunnerOptions {
  /** CPU threads per session; default 1. */
  readonly threads?: number;
  /** Upper bound for resident weight bytes; default none. */
  readonly weightLimit?: number | null;
  /** Another onnxruntime than the native one (the bench compares them). */
  readonly engine?: { readonly ort: OrtNamespace; readonly kind: BackendKind };
  /** Other graphs than src/networks builds (tests). */
  readonly buildNetwork?: NetworkBuilder;
}

/** The browser's session runner over onnxruntime-node's CPU provider. Close it when done. */
export function createNodeRunner(bundle: ModelBundle, options: NodeRunnerOptions = {}): ClosableRunner {
  const threads = options.threads ?? 1;
  const { ort, kind } = options.engine ?? { ort: native, kind: 'node-cpu' as const };
  return new OrtSessionRunner({
    ort,
    gate: new InferenceGate(),
    bundle,
    backend: {
      kind,
      reason: 'Node computes on the CPU.',
      device: cpus()[0]?.model.trim() ?? 'CPU',
      threads,
    },
    buildNetwork: options.buildNetwork ?? buildNetwork,
    compute: 'float32',
    sessionOptions: nodeSessionOptions(threads),
    weights: 'bytes',
    device: null,
    weightLimit: options.weightLimit ?? null,
  });
}
