/**
 * f32 parity of the official configs at their full size. Expected values: test/parity/make_full_size.py. Weights are hash
 * numbers, written to a temporary folder network by network (at most 3.4 GB at a time) and mapped into memory by the
 * engine; figures go to docs/measured/full-size.json.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as ort from 'onnxruntime-node';
import { afterAll, describe, expect, it } from 'vitest';
import type { Role } from '../../src/domain/ports.ts';
import { float32Tensor, type HostTensor } from '../../src/domain/tensor.ts';
import { buildNetwork, type GraphNetworkSpec } from '../../src/networks/build-network.ts';
import { crossAttentionLayers, readUnetConfig } from '../../src/networks/unet-config.ts';
import { requiredTensors } from '../fixtures/required-tensors.ts';
import { hashInput } from '../parity/fixtures.ts';
import fixture from '../fixtures/parity/full-size.json' with { type: 'json' };
import { leaveFigures } from './figures.ts';
import { writeHashWeights } from './weights-on-disk.ts';

/** Of the reference's largest value. */
const TOLERANCE = 1e-4;

/** Every `every`-th value of an output, and the largest of all. */
interface Thinned {
  readonly dims: readonly number[];
  readonly every: number;
  readonly float32: string;
  readonly largest: number;
}

interface Output {
  readonly dims: readonly number[];
  readonly data: Float32Array;
}

const { parts, madeWith } = fixture;
const figures: Record<string, unknown>[] = [];

afterAll(async () => {
  await leaveFigures('full-size', {
    reference: madeWith,
    engine: 'onnxruntime-node CPU, 2 threads',
    networks: figures,
  });
});

function check(network: string, actual: Output | undefined, expected: Thinned): number {
  if (actual === undefined) throw new Error(`${network} gave no such output.`);
  expect(actual.dims).toEqual(expected.dims);
  const bytes = Uint8Array.from(Buffer.from(expected.float32, 'base64'));
  let difference = 0;
  new Float32Array(bytes.buffer).forEach((value, i) => {
    const given = actual.data[i * expected.every]!;
    difference = Number.isFinite(given) ? Math.max(difference, Math.abs(value - given)) : Infinity;
  });
  const error = difference / expected.largest;
  expect(error, network).toBeLessThan(TOLERANCE);
  return error;
}

/** Builds, runs and forgets one network; the weights are on disk only while it lives. */
async function run(role: Role, spec: GraphNetworkSpec, feeds: Readonly<Record<string, HostTensor>>) {
  const dims = Object.fromEntries(Object.entries(feeds).map(([name, feed]) => [name, feed.dims]));
  const tensors = requiredTensors(role, spec, dims);
  const parameters = tensors.reduce((sum, tensor) => sum + tensor.dims.reduce((product, dim) => product * dim, 1), 0);
  const folder = await mkdtemp(join(tmpdir(), 'likeness-full-size-'));
  try {
    const begin = performance.now();
    const { index, bytes } = writeHashWeights(folder, tensors);
    const written = performance.now();
    const { model } = buildNetwork(role, spec, index, dims, 'float32');
    await writeFile(join(folder, 'model.onnx'), model);
    const session = await ort.InferenceSession.create(join(folder, 'model.onnx'), {
      executionProviders: ['cpu'],
      intraOpNumThreads: 2,
      logSeverityLevel: 3,
      // Weights stay mapped from their files: neither reordered for the processor nor copied.
      graphOptimizationLevel: 'extended',
      extra: { session: { disable_prepacking: '1' } },
    });
    const created = performance.now();
    try {
      const inputs = Object.entries(feeds).map(
        ([name, feed]) => [name, new ort.Tensor(feed.dtype, feed.data as Float32Array, feed.dims)] as const,
      );
      const results = await session.run(Object.fromEntries(inputs));
      const done = performance.now();
      const outputs = Object.fromEntries(
        Object.entries(results).map(([name, t]): [string, Output] => [
          name,
          { dims: t.dims, data: t.data as Float32Array },
        ]),
      );
      const seconds = (from: number, to: number) => Math.round((to - from) / 100) / 10;
      const measured = {
        parameters,
        weightBytes: bytes,
        graphBytes: model.length,
        writingSeconds: seconds(begin, written),
        loadingSeconds: seconds(written, created),
        runSeconds: seconds(created, done),
        // Of the whole process so far, mapped files included.
        peakMemoryBytes: process.resourceUsage().maxRSS * 1024,
      };
      return { outputs, measured };
    } finally {
      await session.release();
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Runs one network, checks one output and keeps the figures. */
async function compare(
  title: string,
  role: Role,
  spec: GraphNetworkSpec,
  feeds: Readonly<Record<string, HostTensor>>,
  output: string,
  expected: Thinned,
): Promise<void> {
  const { outputs, measured } = await run(role, spec, feeds);
  const error = check(title, outputs[output], expected);
  figures.push({ network: title, relativeError: Number(error.toExponential(1)), ...measured });
}

// From small to large, because peak memory is that of the process.
describe('official configs at full size', () => {
  for (const [name, network] of [
    ['TAESD', 'AutoencoderTiny'],
    ['AutoencoderKL', 'AutoencoderKL'],
  ] as const) {
    it(name, async () => {
      const { config, side, latent, image } = parts[name];
      const spec = { class: network, config };
      const encode = { image: hashInput('image', [1, 3, side, side]) };
      const decode = { latent: hashInput('latent', [1, 4, side / 8, side / 8], 3) };
      await compare(`${name} encoder, ${side} pixels`, 'latentEncoder', spec, encode, 'latent', latent);
      await compare(`${name} decoder, ${side} pixels`, 'latentDecoder', spec, decode, 'image', image);
    });
  }

  it('resampler of plus-face', async () => {
    const { config, face_tokens } = parts.resampler;
    const feeds = { hidden_states: hashInput('states', [1, 257, 1280]) };
    await compare('Resampler', 'resampler', { class: 'Resampler', config }, feeds, 'face_tokens', face_tokens);
  });

  it('text encoder, with and without the last layer', async () => {
    const { config, last_hidden_state, clip_skip_1 } = parts['CLIP-L text'];
    const ids = Int32Array.from({ length: 77 }, (_, i) => (7 * i * i + 3) % config.vocab_size);
    const feeds: Record<string, HostTensor> = { input_ids: { dtype: 'int32', dims: [1, 77], data: ids } };
    for (const [skip, expected] of [last_hidden_state, clip_skip_1].entries()) {
      const spec = { class: 'CLIPTextModel', config: { ...config, clip_skip: skip } };
      await compare(`CLIP-L text, clip_skip ${skip}`, 'textEncoder', spec, feeds, 'last_hidden_state', expected);
    }
  });

  it('image encoder of plus-face', async () => {
    const { config, hidden_states } = parts['CLIP-H vision'];
    const spec = { class: 'CLIPVisionModelWithProjection', config };
    const feeds = { pixel_values: hashInput('pixel_values', [1, 3, 224, 224]) };
    await compare('CLIP-H vision', 'imageEncoder', spec, feeds, 'hidden_states', hidden_states);
  });

  it('SD 1.5’s UNet with a FaceID adapter, conditioner first', async () => {
    const { config, adapter, scale, timestep, side, out_sample } = parts['SD 1.5 UNet'];
    const layers = crossAttentionLayers(readUnetConfig(config)).length;
    const conditioner = { class: 'FaceConditioner', config: { unet: config, adapter } };
    const { outputs, measured } = await run('conditioner', conditioner, {
      text: hashInput('text', [1, 77, config.cross_attention_dim]),
      face: hashInput('face', [1, adapter.embedding]),
      face_scale: float32Tensor(new Float32Array(layers).fill(scale), [layers]),
    });
    figures.push({ network: 'FaceConditioner (its keys and values feed the UNet)', ...measured });
    const kept = (name: string): HostTensor => float32Tensor(outputs[name]!.data, outputs[name]!.dims);
    const feeds = {
      sample: hashInput('sample', [1, 4, side, side]),
      timestep: float32Tensor(Float32Array.of(timestep), [1]),
      text_kv: kept('text_kv'),
      face_kv: kept('face_kv'),
    };
    const spec = { class: 'UNet2DConditionModel', config };
    await compare('SD 1.5 UNet, 16×16 latents', 'denoiser', spec, feeds, 'out_sample', out_sample);
  });
});
