/** The starter's denoiser with its adapter as three f32 graphs of the same numbers: built here, and traced in two forms. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { starterBundle } from '../../cli/starter-bundle.ts';
import { parseManifest } from '../../src/bundle/open-bundle.ts';
import { float32Tensor, type HostTensor } from '../../src/domain/tensor.ts';
import { buildNetwork, type GraphNetworkSpec } from '../../src/networks/build-network.ts';
import { crossAttentionLayers, readUnetConfig } from '../../src/networks/unet-config.ts';
import { requiredTensors } from '../fixtures/required-tensors.ts';
import { runGraph } from '../fixtures/run-graph.ts';
import { WeightStore } from '../fixtures/weight-store.ts';
import { hashInput } from '../parity/fixtures.ts';

export const GRAPHS = ['built', 'keys-values', 'plain'] as const;
export type GraphName = (typeof GRAPHS)[number];

export interface DenoiserGraph {
  readonly name: GraphName;
  readonly model: Uint8Array;
  readonly weights: { readonly path: string; readonly data: Uint8Array };
  readonly feeds: Readonly<Record<string, HostTensor>>;
}

/** As in trace_denoiser.py. */
const [SIZE, TOKENS, EMBEDDING, TIMESTEP] = [16, 32, 512, 500];

/** @param folder where trace_denoiser.py has written the traced models */
export async function denoiserGraphs(folder: string): Promise<DenoiserGraph[]> {
  const manifest = parseManifest(JSON.parse(await readFile(join(await starterBundle(), 'bundle.json'), 'utf8')));
  const denoiser = manifest.networks.denoiser as GraphNetworkSpec;
  const config = readUnetConfig(denoiser.config);
  const layers = crossAttentionLayers(config);
  const latent = {
    sample: hashInput('sample', [1, config.in_channels, SIZE, SIZE]),
    timestep: float32Tensor(Float32Array.of(TIMESTEP), [1]),
  };
  const text = hashInput('text', [1, TOKENS, config.textWidth]);
  const face = hashInput('face', [1, EMBEDDING]);

  const conditioner = manifest.networks.conditioner as GraphNetworkSpec;
  const scales = float32Tensor(new Float32Array(layers.length).fill(1), [layers.length]);
  const made = build('conditioner', conditioner, { text, face, face_scale: scales });
  const packed = await runGraph(
    { model: made.model, weightFiles: [made.weights.path] },
    { [made.weights.path]: made.weights.data },
    made.feeds,
  );
  const textKv = float32Tensor(packed['text_kv']!.data, packed['text_kv']!.dims);
  const faceKv = float32Tensor(packed['face_kv']!.data, packed['face_kv']!.dims);

  const perLayer: Record<string, HostTensor> = {};
  layers.forEach(({ offset, width }, i) => {
    for (const [part, all] of [['text', textKv] as const, ['face', faceKv] as const]) {
      perLayer[`${part}_key_${i}`] = columns(all, offset, width);
      perLayer[`${part}_value_${i}`] = columns(all, offset + width, width);
    }
  });
  return [
    { name: 'built', ...build('denoiser', denoiser, { ...latent, text_kv: textKv, face_kv: faceKv }) },
    { name: 'keys-values', ...(await traced(folder, 'keys-values')), feeds: { ...latent, ...perLayer } },
    { name: 'plain', ...(await traced(folder, 'plain')), feeds: { ...latent, text, face } },
  ];
}

function build(
  role: 'conditioner' | 'denoiser',
  spec: GraphNetworkSpec,
  feeds: Readonly<Record<string, HostTensor>>,
): Omit<DenoiserGraph, 'name'> {
  const dims = Object.fromEntries(Object.entries(feeds).map(([name, feed]) => [name, feed.dims]));
  const store = new WeightStore(`${role}.bin`);
  for (const tensor of requiredTensors(role, spec, dims)) store.add(tensor.name, tensor.dims, 'float32');
  const { model } = buildNetwork(role, spec, store.index, dims, 'float32');
  return { model, weights: { path: `${role}.bin`, data: store.bytes() }, feeds };
}

async function traced(folder: string, name: GraphName): Promise<Pick<DenoiserGraph, 'model' | 'weights'>> {
  const path = `${name}.onnx.data`;
  return {
    model: await readFile(join(folder, `${name}.onnx`)),
    weights: { path, data: await readFile(join(folder, path)) },
  };
}

/** Columns [start, start + width) of [1,L,K]. */
function columns({ data, dims }: HostTensor, start: number, width: number): HostTensor {
  const [, rows = 0, packed = 0] = dims;
  const part = new Float32Array(rows * width);
  for (let row = 0; row < rows; row++) {
    part.set((data as Float32Array).subarray(row * packed + start, row * packed + start + width), row * width);
  }
  return float32Tensor(part, [1, rows, width]);
}
