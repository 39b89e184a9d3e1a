import { describe, expect, it } from 'vitest';
import type { AppError } from '../../../src/domain/errors.ts';
import { buildNetwork, type GraphNetworkSpec } from '../../../src/networks/build-network.ts';
import { crossAttentionLayers, packedWidth, readUnetConfig } from '../../../src/networks/unet-config.ts';
import { requiredTensors } from '../../fixtures/required-tensors.ts';
import { tinyBundleDims } from '../../fixtures/tiny-bundle.ts';
import { WeightStore } from '../../fixtures/weight-store.ts';

const UNET: Record<string, unknown> = {
  in_channels: 4,
  out_channels: 4,
  block_out_channels: [8, 16],
  down_block_types: ['CrossAttnDownBlock2D', 'DownBlock2D'],
  up_block_types: ['UpBlock2D', 'CrossAttnUpBlock2D'],
  layers_per_block: 1,
  attention_head_dim: 2,
  cross_attention_dim: 8,
  norm_num_groups: 4,
};
const PACKED = 2 * (3 * 8 + 16);
const DIMS = { sample: [1, 4, 8, 8], timestep: [1], text_kv: [1, 5, PACKED], face_kv: [1, 4, PACKED] };

const unet = (changes: Record<string, unknown> = {}): GraphNetworkSpec => ({
  class: 'UNet2DConditionModel',
  config: { ...UNET, ...changes },
});

function filled(): WeightStore {
  const store = new WeightStore('w.bin');
  for (const { name, dims } of requiredTensors('denoiser', unet(), DIMS)) store.add(name, dims, 'float32');
  return store;
}

function failure(action: () => unknown): AppError {
  try {
    action();
  } catch (error) {
    return error as AppError;
  }
  throw new Error('expected an error');
}

describe('buildNetwork', () => {
  it('points every weight into the bundle file and keeps the model itself small', () => {
    const built = buildNetwork('denoiser', unet(), filled().index, DIMS, 'float16');
    expect(built.weightFiles).toEqual(['w.bin']);
    expect(built.model.length).toBeLessThan(120_000);
  });

  it('tells all missing and ill-fitting tensors in one error', () => {
    const { index } = filled();
    const broken = Object.fromEntries(
      Object.entries(index).filter(([name]) => name !== 'conv_in.bias' && name !== 'mid_block.resnets.1.norm2.weight'),
    );
    broken['conv_out.weight'] = index['conv_in.weight']!;
    broken['conv_out.bias'] = { ...index['conv_out.bias']!, data: { offset: 0, length: 3 } };
    const error = failure(() => buildNetwork('denoiser', unet(), broken, DIMS, 'float32'));
    expect(error.code).toBe('weights-invalid');
    expect(error.details['problems']).toEqual([
      { name: 'conv_in.bias', dims: [8], problem: 'missing' },
      { name: 'mid_block.resnets.1.norm2.weight', dims: [16], problem: 'missing' },
      {
        name: 'conv_out.weight',
        dims: [4, 8, 3, 3],
        problem: 'shape [8, 4, 3, 3], but the configuration asks for [4, 8, 3, 3]',
      },
      { name: 'conv_out.bias', dims: [4], problem: 'data has 3 bytes instead of 16' },
    ]);
    expect(error.message).toContain('conv_in.bias: missing');
  });

  it('names a tensor that must not be quantised', () => {
    const store = filled();
    store.add('conv_norm_out.weight', [8], 'int8');
    const error = failure(() => buildNetwork('denoiser', unet(), store.index, DIMS, 'float32'));
    expect(error.message).toContain('conv_norm_out.weight: stored as int8');
  });

  const unsupported: [string, Record<string, unknown>][] = [
    ['class_embed_type', { class_embed_type: 'timestep' }],
    ['time_embedding_type', { time_embedding_type: 'fourier' }],
    ['addition_embed_type', { addition_embed_type: 'text_time' }],
    ['num_attention_heads', { num_attention_heads: 4 }],
    ['transformer_layers_per_block', { transformer_layers_per_block: [1, 2, 1] }],
    ['reverse_transformer_layers_per_block', { transformer_layers_per_block: [[1], 2] }],
    [
      'reverse_transformer_layers_per_block',
      { transformer_layers_per_block: [[1], 2], reverse_transformer_layers_per_block: [1, [1]] },
    ],
    ['only_cross_attention', { only_cross_attention: [false, true] }],
    ['down_block_types.0', { down_block_types: ['AttnDownBlock2D', 'DownBlock2D'] }],
    ['mid_block_type', { mid_block_type: 'UNetMidBlock2DSimpleCrossAttn' }],
    ['resnet_time_scale_shift', { resnet_time_scale_shift: 'scale_shift' }],
    ['up_block_types', { up_block_types: ['UpBlock2D'] }],
    ['layers_per_block', { layers_per_block: [1, 2, 3] }],
    ['norm_num_groups', { norm_num_groups: 5 }],
    ['attention_head_dim', { attention_head_dim: 3 }],
    ['cross_attention_dim', { cross_attention_dim: [8, 12] }],
    ['in_channels', { in_channels: undefined }],
  ];
  it.each(unsupported)('names the unsupported field %s', (field, changes) => {
    const error = failure(() => buildNetwork('denoiser', unet(changes), {}, DIMS, 'float32'));
    expect(error.code).toBe('bundle-invalid');
    expect(error.message).toContain(`${field}:`);
  });

  it('names unsupported fields of the other networks', () => {
    const dims = tinyBundleDims();
    const text = {
      vocab_size: 9,
      hidden_size: 8,
      intermediate_size: 8,
      num_hidden_layers: 1,
      num_attention_heads: 2,
      max_position_embeddings: 16,
    };
    const cases = [
      () =>
        buildNetwork(
          'textEncoder',
          { class: 'CLIPTextModel', config: { ...text, hidden_act: 'relu' } },
          {},
          dims.textEncoder,
          'float32',
        ),
      () =>
        buildNetwork(
          'latentEncoder',
          { class: 'AutoencoderTiny', config: { act_fn: 'mish' } },
          {},
          dims.latentEncoder,
          'float32',
        ),
      () =>
        buildNetwork('latentDecoder', { class: 'AutoencoderNarrow', config: {} }, {}, dims.latentDecoder, 'float32'),
      () =>
        buildNetwork(
          'conditioner',
          { class: 'FaceConditioner', config: { unet: UNET } },
          {},
          dims.conditioner,
          'float32',
        ),
    ];
    const fields = ['hidden_act', 'act_fn', 'in_channels', 'adapter'];
    cases.forEach((action, i) => {
      const error = failure(action);
      expect(error.code).toBe('bundle-invalid');
      expect(error.message).toContain(`${fields[i]!}:`);
    });
  });

  it('refuses a class that it cannot build, and roles that need a file', () => {
    const other = failure(() => buildNetwork('latentDecoder', { class: 'VQModel', config: {} }, {}, {}, 'float32'));
    expect(other.message).toBe(
      'networks.latentDecoder: class VQModel cannot be built; known here: AutoencoderKL, AutoencoderTiny, AutoencoderNarrow.',
    );
    const detector = failure(() => buildNetwork('faceDetector', { class: 'YuNet', config: {} }, {}, {}, 'float32'));
    expect(detector.code).toBe('bundle-invalid');
  });

  it('refuses input shapes that do not fit', () => {
    const wrong = [
      { ...DIMS, sample: [1, 3, 8, 8] },
      { ...DIMS, text_kv: [1, 5, PACKED - 1] },
      { ...DIMS, text_kv: [2, 5, PACKED] },
      { sample: DIMS.sample, timestep: [1] },
    ];
    for (const dims of wrong) {
      expect(failure(() => buildNetwork('denoiser', unet(), filled().index, dims, 'float32')).code).toBe(
        'graph-invalid',
      );
    }
  });
});

describe('crossAttentionLayers', () => {
  it('has the layers, order and adapter numbers of SD1.5 (down, up, mid)', () => {
    const layers = crossAttentionLayers(
      readUnetConfig({
        in_channels: 4,
        out_channels: 4,
        block_out_channels: [320, 640, 1280, 1280],
        down_block_types: ['CrossAttnDownBlock2D', 'CrossAttnDownBlock2D', 'CrossAttnDownBlock2D', 'DownBlock2D'],
        up_block_types: ['UpBlock2D', 'CrossAttnUpBlock2D', 'CrossAttnUpBlock2D', 'CrossAttnUpBlock2D'],
        cross_attention_dim: 768,
      }),
    );
    expect(layers.map((layer) => layer.width)).toEqual([
      320, 320, 640, 640, 1280, 1280, 1280, 1280, 1280, 640, 640, 640, 320, 320, 320, 1280,
    ]);
    expect(layers[6]!.name).toBe('up_blocks.1.attentions.0.transformer_blocks.0.attn2');
    expect(layers.at(-1)).toMatchObject({
      name: 'mid_block.attentions.0.transformer_blocks.0.attn2',
      adapterIndex: 31,
    });
    expect(packedWidth(layers)).toBe(24_960);
  });
});
