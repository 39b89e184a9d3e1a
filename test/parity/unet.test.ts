import { afterAll, describe, expect, it } from 'vitest';
import { float32Tensor, type HostTensor } from '../../src/domain/tensor.ts';
import { crossAttentionLayers, packedWidth, readUnetConfig } from '../../src/networks/unet-config.ts';
import { hashWeight } from '../fixtures/hash-weights.ts';
import { hashInput, readCases, type Expected } from './fixtures.ts';
import { ErrorTally, runNetwork, type Outputs } from './run-network.ts';

interface UnetCase {
  title: string;
  config: Record<string, unknown> & { cross_attention_dim: number; time_cond_proj_dim?: number | null };
  sample: number[];
  text: number;
  tokens: number | null;
  timestep: number;
  embedding: number;
  denoiserDigest: number;
  conditionerDigest?: number;
  faceScales?: number[];
  resampler?: Record<string, unknown> & { embedding_dim: number };
  pictures?: number;
  states?: number;
  text_kv?: Expected;
  face_kv?: Expected;
  out_sample: Expected;
}

const tally = new ErrorTally();
afterAll(() => {
  tally.report();
});

describe('UNet2DConditionModel and face conditioner equal diffusers', () => {
  for (const given of readCases<UnetCase>('unet')) {
    it(given.title, async () => {
      const [batch = 1] = given.sample;
      const unet = given.config;
      const text = hashInput('text', [batch, given.text, unet.cross_attention_dim]);
      const feeds: Record<string, HostTensor> = {
        sample: hashInput('sample', given.sample),
        timestep: float32Tensor(Float32Array.of(given.timestep), [1]),
      };
      if (unet.time_cond_proj_dim) {
        feeds['timestep_cond'] = hashInput('timestep_cond', [batch, unet.time_cond_proj_dim]);
      }
      if (given.tokens === null) feeds['text_kv'] = textKeysValues(unet, text);
      else Object.assign(feeds, await condition(given, text));
      const spec = { class: 'UNet2DConditionModel', config: unet };
      const { out_sample } = await runNetwork('denoiser', spec, feeds, { digest: given.denoiserDigest });
      tally.check('UNet2DConditionModel', out_sample, given.out_sample);
    });
  }
});

async function condition(given: UnetCase, text: HostTensor): Promise<Record<string, HostTensor>> {
  const { config: unet, tokens, embedding, faceScales = [], resampler } = given;
  const face = await faceInput(given, text.dims[0] ?? 1);
  const adapter = resampler ? { tokens } : { tokens, embedding };
  const conditioned = await runNetwork(
    'conditioner',
    { class: 'FaceConditioner', config: { unet, adapter } },
    { text, ...face, face_scale: float32Tensor(Float32Array.from(faceScales), [faceScales.length]) },
    { digest: given.conditionerDigest },
  );
  const name = resampler ? 'FaceConditioner with face tokens' : 'FaceConditioner with an embedding';
  tally.check(name, conditioned['face_kv'], given.face_kv!);
  if (given.text_kv) tally.check(name, conditioned['text_kv'], given.text_kv);
  return { text_kv: asTensor(conditioned, 'text_kv'), face_kv: asTensor(conditioned, 'face_kv') };
}

/** An embedding, or the tokens that the resampler makes of all pictures of each row. */
async function faceInput(given: UnetCase, batch: number): Promise<Record<string, HostTensor>> {
  const { resampler, pictures = 1, states = 1, embedding } = given;
  if (!resampler) return { face: hashInput('face', [batch, embedding]) };
  const seen = hashInput('states', [batch * pictures, states, resampler.embedding_dim]);
  const made = await runNetwork('resampler', { class: 'Resampler', config: resampler }, { hidden_states: seen });
  const { dims, data } = asTensor(made, 'face_tokens');
  return { face_tokens: float32Tensor(data as Float32Array, [batch, pictures * dims[1]!, dims[2]!]) };
}

function asTensor(outputs: Outputs, name: string): HostTensor {
  const output = outputs[name];
  expect(output, name).toBeDefined();
  return float32Tensor(output!.data, output!.dims);
}

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
