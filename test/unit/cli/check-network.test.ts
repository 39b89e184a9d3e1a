import { describe, expect, it } from 'vitest';
import { checkNetwork } from '../../../cli/check-network.ts';
import type { TensorIndex } from '../../../src/bundle/weight-index.ts';
import type { Role } from '../../../src/domain/ports.ts';
import type { GraphNetworkSpec } from '../../../src/networks/build-network.ts';
import type { InputDims } from '../../../src/networks/input-dims.ts';
import { requiredTensors } from '../../fixtures/required-tensors.ts';

const UNET = {
  in_channels: 4,
  out_channels: 4,
  block_out_channels: [8, 16],
  down_block_types: ['CrossAttnDownBlock2D', 'DownBlock2D'],
  up_block_types: ['UpBlock2D', 'CrossAttnUpBlock2D'],
  layers_per_block: 1,
  attention_head_dim: 2,
  cross_attention_dim: 8,
  norm_num_groups: 4,
  time_cond_proj_dim: 6,
};
const KL = {
  block_out_channels: [8, 8, 8, 8],
  down_block_types: new Array<string>(4).fill('DownEncoderBlock2D'),
  up_block_types: new Array<string>(4).fill('UpDecoderBlock2D'),
  norm_num_groups: 4,
};
const CLIP = { hidden_size: 8, intermediate_size: 16, num_hidden_layers: 2, num_attention_heads: 2 };
const RESAMPLER = { dim: 8, depth: 1, heads: 1, num_queries: 2, embedding_dim: 8, output_dim: 8 };

const CASES: [Role, string, Record<string, unknown>, InputDims][] = [
  [
    'denoiser',
    'UNet2DConditionModel',
    UNET,
    { sample: [1, 4, 8, 8], timestep: [1], timestep_cond: [1, 6], text_kv: [1, 1, 80], face_kv: [1, 1, 80] },
  ],
  [
    'conditioner',
    'FaceConditioner',
    { unet: UNET, adapter: { tokens: 2 } },
    { text: [1, 1, 8], face_tokens: [1, 2, 8], face_scale: [4] },
  ],
  [
    'conditioner',
    'FaceConditioner',
    { unet: UNET, adapter: { tokens: 2, embedding: 12 } },
    { text: [1, 1, 8], face: [1, 12], face_scale: [4] },
  ],
  [
    'textEncoder',
    'CLIPTextModel',
    { ...CLIP, vocab_size: 9, max_position_embeddings: 4, clip_skip: 1 },
    { input_ids: [1, 2] },
  ],
  [
    'imageEncoder',
    'CLIPVisionModelWithProjection',
    { ...CLIP, image_size: 9, patch_size: 3 },
    { pixel_values: [1, 3, 9, 9] },
  ],
  ['resampler', 'Resampler', RESAMPLER, { hidden_states: [1, 3, 8] }],
  ['latentEncoder', 'AutoencoderKL', KL, { image: [1, 3, 16, 16] }],
  ['latentDecoder', 'AutoencoderKL', KL, { latent: [1, 4, 2, 2] }],
];

describe('checkNetwork', () => {
  it.each(CASES)('%s %s: complete tensors pass; a missing and a foreign one are told', (role, name, config, dims) => {
    const spec: GraphNetworkSpec = { class: name, config };
    const index: TensorIndex = {};
    for (const { name: tensor, dims: shape } of requiredTensors(role, spec, dims)) {
      const length = 4 * shape.reduce((product, dim) => product * dim, 1);
      index[tensor] = { kind: 'float', file: 'w.bin', dims: shape, dtype: 'float32', data: { offset: 0, length } };
    }
    expect(checkNetwork({ role, ...spec }, index)).toEqual([]);
    const [first = '', ...rest] = Object.keys(index);
    const broken = Object.fromEntries([...rest, 'foreign'].map((key) => [key, index[key] ?? index[first]!]));
    expect(checkNetwork({ role, ...spec }, broken)).toEqual([
      `${first}: missing`,
      'foreign: not a tensor of this network',
    ]);
  });
});
