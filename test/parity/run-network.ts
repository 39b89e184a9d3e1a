import { expect } from 'vitest';
import type { Role } from '../../src/domain/ports.ts';
import type { HostTensor } from '../../src/domain/tensor.ts';
import { buildNetwork, type GraphNetworkSpec } from '../../src/networks/build-network.ts';
import { hashWeight } from '../fixtures/hash-weights.ts';
import { requiredTensors } from '../fixtures/required-tensors.ts';
import { runGraph } from '../fixtures/run-graph.ts';
import { WeightStore } from '../fixtures/weight-store.ts';
import { relativeError, tensorDigest, type Expected } from './fixtures.ts';

/** Bar of f32 parity, of the reference's largest value. */
export const TOLERANCE = 1e-4;

export type Outputs = Awaited<ReturnType<typeof runGraph>>;

export interface NetworkRun {
  /** Covers all the tensors that the reference has. */
  readonly digest?: number | undefined;
  /** Whose hash weight a tensor has; default: its own. */
  readonly storedAs?: (name: string) => string;
}

/** Builds a network with hash weights in f32 and runs it on onnxruntime's CPU backend. */
export async function runNetwork(
  role: Role,
  spec: GraphNetworkSpec,
  feeds: Readonly<Record<string, HostTensor>>,
  { digest, storedAs }: NetworkRun = {},
): Promise<Outputs> {
  const dims = Object.fromEntries(Object.entries(feeds).map(([name, feed]) => [name, feed.dims]));
  const tensors = requiredTensors(role, spec, dims);
  if (digest !== undefined) expect(tensorDigest(tensors), 'every tensor of the reference is used').toBe(digest);
  const store = new WeightStore('weights.bin');
  for (const { name, dims: shape } of tensors) {
    store.add(name, shape, 'float32', storedAs && hashWeight(storedAs(name), shape));
  }
  return runGraph(buildNetwork(role, spec, store.index, dims, 'float32'), { 'weights.bin': store.bytes() }, feeds);
}

/** Worst relative error per network over the cases of a file, shown by `report`. */
export class ErrorTally {
  private readonly worst = new Map<string, { cases: number; error: number }>();

  /** Asserts the bar and remembers the figure. */
  check(network: string, actual: Outputs[string] | undefined, expected: Expected): void {
    if (actual === undefined) throw new Error(`${network} gave no such output.`);
    const error = relativeError(actual, expected);
    const { cases, error: before } = this.worst.get(network) ?? { cases: 0, error: 0 };
    this.worst.set(network, { cases: cases + 1, error: Math.max(before, error) });
    expect(error, network).toBeLessThan(TOLERANCE);
  }

  report(): void {
    if (process.env['PARITY_FIGURES'] === undefined) return;
    for (const [network, { cases, error }] of this.worst) {
      console.log(`${network}: ${cases} outputs, worst relative error ${error.toExponential(1)}`);
    }
  }
}
