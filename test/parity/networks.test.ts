import { describe, expect, it } from 'vitest';
import type { Role } from '../../src/domain/ports.ts';
import { float32Tensor, type HostTensor } from '../../src/domain/tensor.ts';
import { buildNetwork, type GraphNetworkSpec } from '../../src/networks/build-network.ts';
import { crossAttentionLayers, packedWidth, readUnetConfig } from '../../src/networks/unet-config.ts';
import { hashWeight } from '../fixtures/hash-weights.ts';
import { requiredTensors } from '../fixtures/required-tensors.ts';
import { runGraph } from '../fixtures/run-graph.ts';
import { WeightStore } from '../fixtures/weight-store.ts';
import { hashInput, readCases, relativeError, tensorDigest, type Expected } from './fixtures.ts';

/** Of the reference's largest value. */
const TOLERANCE = 1e-4;

/** Builds a network with hash weights and runs it; `digest` covers all the tensors that the reference has. */
async function run(role: Role, spec: GraphNetworkSpec, feeds: Record<string, HostTensor>, digest?: number) {
  const dims = Object.fromEntries(Object.entries(feeds).map(([name, feed]) => [name, feed.dims]));
  const tensors = requiredTensors(role, spec, dims);
  if (digest !== undefined) expect(tensorDigest(tensors), 'every tensor of the reference is used').toBe(digest);
  const store = new WeightStore('weights.bin');
  for (const tensor of tensors) store.add(tensor.name, tensor.dims, 'float32');
  return runGraph(buildNetwork(role, spec, store.index, dims, 'float32'), { 'weights.bin': store.bytes() }, feeds);
}

interface UnetCase {
  title: string;
  config: Record<string, unknown> & { cross_attention_dim: number };
  sample: number[];
  text: number;
  tokens: number | null;
  timestep: number;
  embedding: number;
  denoiserDigest: number;
  conditionerDigest?: number;
  faceScales?: number[];
  text_kv?: Expected;
  face_kv?: Expected;
  out_sample: Expected;
}

describe('UNet2DConditionModel and face conditioner equal diffusers', () => {
  for (const given of readCases<UnetCase>('unet')) {
    it(given.title, async () => {
      const [batch = 1] = given.sample;
      const text = hashInput('text', [batch, given.text, given.config.cross_attention_dim]);
      const adapter = { embedding: given.embedding, tokens: given.tokens };
      const unet = given.config;
      const feeds: Record<string, HostTensor> = {
        sample: hashInput('sample', given.sample),
        timestep: float32Tensor(Float32Array.of(given.timestep), [1]),
      };
      if (given.tokens !== null) {
        const scales = given.faceScales!;
        const conditioned = await run(
          'conditioner',
          { class: 'FaceConditioner', config: { unet, adapter } },
          {
            text,
            face: hashInput('face', [batch, given.embedding]),
            face_scale: float32Tensor(Float32Array.from(scales), [scales.length]),
          },
          given.conditionerDigest,
        );
        expect(relativeError(conditioned['text_kv']!, given.text_kv!)).toBeLessThan(TOLERANCE);
        expect(relativeError(conditioned['face_kv']!, given.face_kv!)).toBeLessThan(TOLERANCE);
        for (const name of ['text_kv', 'face_kv']) {
          feeds[name] = float32Tensor(conditioned[name]!.data, conditioned[name]!.dims);
        }
      } else {
        feeds['text_kv'] = textKeysValues(given.config, text);
      }
      const { out_sample } = await run(
        'denoiser',
        { class: 'UNet2DConditionModel', config: unet },
        feeds,
        given.denoiserDigest,
      );
      expect(relativeError(out_sample!, given.out_sample)).toBeLessThan(TOLERANCE);
    });
  }
});

/** Keys and values of the text without any adapter, as the attention modules themselves compute them. */
function textKeysValues(config: UnetCase['config'], text: HostTensor): HostTensor {
  const layers = crossAttentionLayers(readUnetConfig(config));
  const [batch = 1, length = 1, inner = 1] = text.dims;
  const packed = packedWidth(layers);
  const data = new Float32Array(batch * length * packed);
  for (const { name, width, offset } of layers) {
    ['to_k', 'to_v'].forEach((part, half) => {
      const weight = hashWeight(`${name}.${part}.weight`, [width, inner]);
      for (let row = 0; row < batch * length; row++) {
        for (let i = 0; i < width; i++) {
          let sum = 0;
          for (let k = 0; k < inner; k++) sum += weight[i * inner + k]! * Number(text.data[row * inner + k]);
          data[row * packed + offset + half * width + i] = sum;
        }
      }
    });
  }
  return float32Tensor(data, [batch, length, packed]);
}

interface TextCase {
  title: string;
  config: Record<string, unknown>;
  ids: number[];
  digest: number;
  last_hidden_state: Expected;
}

describe('CLIPTextModel equals transformers', () => {
  for (const given of readCases<TextCase>('clip-text')) {
    it(given.title, async () => {
      const ids: HostTensor = { dtype: 'int32', dims: [1, given.ids.length], data: Int32Array.from(given.ids) };
      const spec = { class: 'CLIPTextModel', config: given.config };
      const { last_hidden_state } = await run('textEncoder', spec, { input_ids: ids }, given.digest);
      expect(relativeError(last_hidden_state!, given.last_hidden_state)).toBeLessThan(TOLERANCE);
    });
  }
});

interface AutoencoderCase {
  title: string;
  class: 'AutoencoderTiny' | 'AutoencoderNarrow';
  config: Record<string, unknown>;
  digest: number;
  latent: Expected;
  image: Expected;
}

describe('autoencoders equal diffusers and models.starter', () => {
  for (const given of readCases<AutoencoderCase>('autoencoder')) {
    it(`${given.class}, ${given.title}`, async () => {
      const spec = { class: given.class, config: given.config };
      const image = hashInput('image', [1, 3, 32, 48]);
      const latent = hashInput('latent', given.latent.dims, 3);
      const both = [
        ...requiredTensors('latentEncoder', spec, { image: image.dims }),
        ...requiredTensors('latentDecoder', spec, { latent: latent.dims }),
      ];
      expect(tensorDigest(both), 'every tensor of the reference is used').toBe(given.digest);
      const encoded = await run('latentEncoder', spec, { image });
      expect(relativeError(encoded['latent']!, given.latent)).toBeLessThan(TOLERANCE);
      const decoded = await run('latentDecoder', spec, { latent });
      expect(relativeError(decoded['image']!, given.image)).toBeLessThan(TOLERANCE);
    });
  }
});
