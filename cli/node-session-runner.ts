import { cpus } from 'node:os';
import * as ort from 'onnxruntime-node';
import type { ModelBundle } from '../src/bundle/open-bundle.ts';
import { buildNetwork } from '../src/networks/build-network.ts';
import { InferenceGate } from '../src/runtime/inference-gate.ts';
import { nodeSessionOptions } from '../src/runtime/session-options.ts';
import { OrtSessionRunner, type ClosableRunner, type NetworkBuilder } from '../src/runtime/session-runner.ts';

export interface NodeRunnerOptions {
  /** CPU threads per session; default 1. */
  readonly threads?: number;
  /** Upper bound for resident weight bytes; default none. */
  readonly weightLimit?: number | null;
  /** Other graphs than src/networks builds (tests). */
  readonly buildNetwork?: NetworkBuilder;
}

/** The browser's session runner over onnxruntime-node's CPU provider. Close it when done. */
export function createNodeRunner(bundle: ModelBundle, options: NodeRunnerOptions = {}): ClosableRunner {
  const threads = options.threads ?? 1;
  return new OrtSessionRunner({
    ort,
    gate: new InferenceGate(),
    bundle,
    backend: {
      kind: 'node-cpu',
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
