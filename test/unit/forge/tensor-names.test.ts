import { describe, expect, it } from 'vitest';
import { clipTextName, clipVisionName } from '../../../src/forge/clip-names.ts';
import { renameKl } from '../../../src/forge/kl-names.ts';
import { resamplerConfig } from '../../../src/forge/resampler-config.ts';
import { renameTaesd } from '../../../src/forge/taesd-names.ts';

describe('names of official files', () => {
  it('TAESD: the decoder’s clamp has a number of its own', () => {
    expect(renameTaesd('0.weight', 'encoder')).toBe('encoder.layers.0.weight');
    expect(renameTaesd('1.conv.0.bias', 'encoder')).toBe('encoder.layers.1.conv.0.bias');
    expect(renameTaesd('1.weight', 'decoder')).toBe('decoder.layers.0.weight');
    expect(renameTaesd('taesd_decoder.3.conv.4.weight', 'decoder')).toBe('decoder.layers.2.conv.4.weight');
    expect(renameTaesd('decoder.layers.2.conv.4.weight', 'decoder')).toBe('decoder.layers.2.conv.4.weight');
  });

  it('AutoencoderKL: attention of older checkpoints', () => {
    const block = 'encoder.mid_block.attentions.0';
    const old = ['query', 'key', 'value', 'proj_attn'].map((part) => renameKl(`${block}.${part}.weight`));
    expect(old).toEqual(['to_q', 'to_k', 'to_v', 'to_out.0'].map((part) => `${block}.${part}.weight`));
    for (const name of [`${block}.to_out.0.bias`, `${block}.group_norm.weight`, 'quant_conv.weight']) {
      expect(renameKl(name)).toBe(name);
    }
  });

  it('CLIP text: three prefixes; layers beyond the last one used and foreign tensors are left out', () => {
    for (const prefix of ['', 'text_model.', 'cond_stage_model.transformer.text_model.']) {
      expect(clipTextName(`${prefix}final_layer_norm.bias`, 12, 0)).toBe('final_layer_norm.bias');
      expect(clipTextName(`${prefix}embeddings.position_ids`, 12, 0)).toBeUndefined();
      expect(clipTextName(`${prefix}encoder.layers.11.mlp.fc1.bias`, 12, 0)).toBe('encoder.layers.11.mlp.fc1.bias');
      expect(clipTextName(`${prefix}encoder.layers.11.mlp.fc1.bias`, 12, 1)).toBeUndefined();
      expect(clipTextName(`${prefix}encoder.layers.10.mlp.fc1.bias`, 12, 1)).toBe('encoder.layers.10.mlp.fc1.bias');
    }
    expect(clipTextName('encoder.layers.12.mlp.fc1.bias', 12, 1)).toBe('encoder.layers.12.mlp.fc1.bias');
    for (const name of ['text_projection.weight', 'logit_scale', 'vision_model.pre_layrnorm.weight']) {
      expect(clipTextName(name, 12, 0)).toBeUndefined();
    }
  });

  it('CLIP vision: with and without prefix; what comes after the last layer but one is left out', () => {
    const layer = (i: number) => `vision_model.encoder.layers.${i}.mlp.fc1.bias`;
    expect(clipVisionName(layer(30), 32)).toBe(layer(30));
    expect(clipVisionName('encoder.layers.30.mlp.fc1.bias', 32)).toBe(layer(30));
    expect(clipVisionName(layer(31), 32)).toBeUndefined();
    for (const name of [
      'visual_projection.weight',
      'post_layernorm.bias',
      'vision_model.post_layernorm.weight',
      'vision_model.embeddings.position_ids',
      'text_model.final_layer_norm.bias',
    ]) {
      expect(clipVisionName(name, 32)).toBeUndefined();
    }
  });

  it('resampler: arguments of ip-adapter-plus-face_sd15 off its shapes', () => {
    const shapes = new Map<string, readonly number[]>([
      ['image_proj.latents', [1, 16, 768]],
      ['image_proj.proj_in.weight', [768, 1280]],
      ['image_proj.proj_out.weight', [768, 768]],
      ['image_proj.layers.0.0.to_q.weight', [768, 768]],
      ['image_proj.layers.0.1.1.weight', [3072, 768]],
      ...[1, 2, 3].map((i): [string, number[]] => [`image_proj.layers.${i}.0.norm1.bias`, [768]]),
    ]);
    expect(resamplerConfig(shapes)).toEqual({
      dim: 768,
      depth: 4,
      dim_head: 64,
      heads: 12,
      num_queries: 16,
      embedding_dim: 1280,
      output_dim: 768,
      ff_mult: 4,
    });
    expect(() => resamplerConfig(new Map([['image_proj.proj.0.weight', [1024, 512]]]))).toThrow(
      /image_proj.latents is missing; this is not an IP-Adapter-plus file/,
    );
  });
});
