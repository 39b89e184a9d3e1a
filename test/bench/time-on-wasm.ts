import * as ort from 'onnxruntime-web';
import { wasmSessionOptions } from '../../src/runtime/session-options.ts';
import type { DenoiserGraph, GraphName } from './denoiser-graphs.ts';

export interface WasmTimes {
  /** Processor time of one step, median. */
  readonly ms: number;
  /** Median of the pairwise ratios to the first graph of the same round. */
  readonly toFirst: number;
  readonly output: readonly number[];
}

/** One step of each graph in turn, the order reversed every other round: one thread of the browser's engine in Node. */
export async function timeOnWasm(
  graphs: readonly DenoiserGraph[],
  rounds: number,
): Promise<Record<GraphName, WasmTimes>> {
  ort.env.wasm.numThreads = 1;
  ort.env.logLevel = 'error';
  const runs = [];
  for (const { name, model, weights, feeds } of graphs) {
    const session = await ort.InferenceSession.create(model, { ...wasmSessionOptions(), externalData: [weights] });
    const tensors = Object.fromEntries(
      Object.entries(feeds).map(([key, { data, dims }]) => [
        key,
        new ort.Tensor('float32', data as Float32Array, dims),
      ]),
    );
    const step = async (): Promise<Float32Array> => (await session.run(tensors))['out_sample']!.data as Float32Array;
    runs.push({ name, step, output: await step(), times: [] as number[] });
  }
  for (let round = 0; round < rounds; round++) {
    for (const run of round % 2 === 0 ? runs : runs.toReversed()) {
      const before = process.cpuUsage();
      await run.step();
      const { user, system } = process.cpuUsage(before);
      run.times.push((user + system) / 1000);
    }
  }
  const first = runs[0]!.times;
  return Object.fromEntries(
    runs.map(({ name, times, output }) => [
      name,
      { ms: median(times), toFirst: median(times.map((ms, i) => ms / first[i]!)), output: [...output] },
    ]),
  ) as unknown as Record<GraphName, WasmTimes>;
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1] ?? 0;
}
