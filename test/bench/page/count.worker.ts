import type { InferenceSession } from 'onnxruntime-web/webgpu';
import { openBackend } from '../../../src/runtime/open-backend.ts';

export interface CountRequest {
  /** `<name>.onnx`, its weights and `<name>.json` with the feeds lie beside the page. */
  readonly name: string;
  readonly weights: string;
  readonly layout: 'NCHW' | 'NHWC';
}

export interface Count {
  /** Compute dispatches of one step after two warm ones. */
  readonly dispatches: number;
  readonly output: readonly number[];
}

let dispatches = 0;
for (const method of ['dispatchWorkgroups', 'dispatchWorkgroupsIndirect']) {
  const original: unknown = Reflect.get(GPUComputePassEncoder.prototype, method);
  Reflect.set(GPUComputePassEncoder.prototype, method, function (this: GPUComputePassEncoder, ...args: unknown[]) {
    dispatches += 1;
    Reflect.apply(original as () => void, this, args);
  });
}

self.onmessage = ({ data }: MessageEvent<CountRequest>) => {
  count(data).then(
    (result) => self.postMessage(result),
    (error: unknown) => self.postMessage({ error: String(error) }),
  );
};

async function count({ name, weights, layout }: CountRequest): Promise<Count> {
  const { ort, sessionOptions } = await openBackend({ wish: 'webgpu', cpuThreads: 1 });
  const [webgpu] = sessionOptions.executionProviders as readonly InferenceSession.WebGpuExecutionProviderOption[];
  const session = await ort.InferenceSession.create(
    new Uint8Array(await (await served(`${name}.onnx`)).arrayBuffer()),
    {
      ...sessionOptions,
      executionProviders: [{ ...webgpu!, preferredLayout: layout }],
      preferredOutputLocation: 'cpu',
      externalData: [{ path: weights, data: await (await served(weights)).blob() }],
    },
  );
  const given = (await (await served(`${name}.json`)).json()) as Record<string, { data: number[]; dims: number[] }>;
  const feeds = Object.fromEntries(
    Object.entries(given).map(([key, { data, dims }]) => [
      key,
      new ort.Tensor('float32', Float32Array.from(data), dims),
    ]),
  );
  await session.run(feeds);
  await session.run(feeds);
  dispatches = 0;
  const { out_sample: out } = await session.run(feeds);
  return { dispatches, output: [...(out!.data as Float32Array)] };
}

async function served(file: string): Promise<Response> {
  const response = await fetch(new URL(`/graphs/${file}`, self.location.origin));
  if (!response.ok) throw new Error(`${file}: HTTP ${response.status}`);
  return response;
}
