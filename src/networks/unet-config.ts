/** The part of a UNet2DConditionModel's config.json (diffusers 0.42) that decides its graph. */
import * as v from 'valibot';
import { AppError } from '../domain/errors.ts';
import { only, positive, readConfig } from './read-config.ts';

const NETWORK = 'UNet2DConditionModel';
const perBlock = v.union([positive, v.array(positive)]);
/** Per level one number for all its attention modules, or one number each. */
const perAttention = v.union([positive, v.array(v.union([positive, v.array(positive)]))]);

const schema = v.object({
  in_channels: positive,
  out_channels: positive,
  block_out_channels: v.pipe(v.array(positive), v.minLength(1)),
  down_block_types: v.array(v.picklist(['CrossAttnDownBlock2D', 'DownBlock2D'])),
  up_block_types: v.array(v.picklist(['CrossAttnUpBlock2D', 'UpBlock2D'])),
  mid_block_type: v.optional(
    v.nullable(v.picklist(['UNetMidBlock2DCrossAttn', 'UNetMidBlock2D'])),
    'UNetMidBlock2DCrossAttn',
  ),
  layers_per_block: v.optional(perBlock, 2),
  attention_head_dim: v.optional(perBlock, 8),
  cross_attention_dim: v.optional(perBlock, 1280),
  norm_num_groups: v.optional(positive, 32),
  norm_eps: v.optional(v.number(), 1e-5),
  use_linear_projection: v.optional(v.boolean(), false),
  transformer_layers_per_block: v.optional(perAttention, 1),
  reverse_transformer_layers_per_block: v.nullish(v.array(v.union([positive, v.array(positive)]))),
  downsample_padding: v.optional(v.picklist([0, 1]), 1),
  flip_sin_to_cos: v.optional(v.boolean(), true),
  freq_shift: v.optional(v.number(), 0),
  time_embedding_dim: v.nullish(positive),
  /** Width of the guidance embedding that distilled models (LCM) add to the timestep's. */
  time_cond_proj_dim: v.nullish(positive),
  conv_in_kernel: v.optional(positive, 3),
  conv_out_kernel: v.optional(positive, 3),
  act_fn: v.optional(v.picklist(['silu', 'swish']), 'silu'),
  // What SD1.5-type models leave at its ordinary value; anything else would be another network.
  center_input_sample: only(false),
  only_cross_attention: v.nullish(v.union([v.literal(false), v.array(v.literal(false))])),
  mid_block_only_cross_attention: only(false),
  dual_cross_attention: only(false),
  upcast_attention: only(false),
  class_embeddings_concat: only(false),
  resnet_skip_time_act: only(false),
  mid_block_scale_factor: only(1),
  resnet_out_scale_factor: only(1),
  resnet_time_scale_shift: only('default'),
  time_embedding_type: only('positional'),
  attention_type: only('default'),
  num_attention_heads: v.nullish(
    v.never('only null is supported: diffusers reads attention_head_dim as the number of heads'),
  ),
  time_embedding_act_fn: v.nullish(v.never('only null is supported')),
  timestep_post_act: v.nullish(v.never('only null is supported')),
  class_embed_type: v.nullish(v.never('only null is supported')),
  num_class_embeds: v.nullish(v.never('only null is supported')),
  addition_embed_type: v.nullish(v.never('only null is supported')),
  encoder_hid_dim_type: only('ip_image_proj'),
  cross_attention_norm: v.nullish(v.never('only null is supported')),
});

export interface UnetConfig extends Omit<
  v.InferOutput<typeof schema>,
  | 'layers_per_block'
  | 'attention_head_dim'
  | 'cross_attention_dim'
  | 'transformer_layers_per_block'
  | 'reverse_transformer_layers_per_block'
> {
  /** Per level, highest resolution first. */
  readonly layers: readonly number[];
  /** Attention heads per level: what SD1.5-type configs call attention_head_dim. */
  readonly heads: readonly number[];
  /** Transformer blocks of each attention module: by level on the way down, by block on the way up, in the middle. */
  readonly transformers: {
    readonly down: readonly (readonly number[])[];
    readonly up: readonly (readonly number[])[];
    readonly mid: number;
  };
  /** Width of the text states. */
  readonly textWidth: number;
}

/** Throws AppError `bundle-invalid` naming every field that is missing, unsupported or contradicts another. */
export function readUnetConfig(config: unknown): UnetConfig {
  const {
    layers_per_block,
    attention_head_dim,
    cross_attention_dim,
    transformer_layers_per_block,
    reverse_transformer_layers_per_block,
    ...read
  } = readConfig(schema, config, NETWORK);
  const levels = read.block_out_channels.length;
  const spread = (field: string, value: number | readonly number[]) => {
    const list = typeof value === 'number' ? new Array<number>(levels).fill(value) : value;
    if (list.length !== levels) throw contradiction(field, `has ${list.length} entries for ${levels} levels`);
    return list;
  };
  for (const field of ['down_block_types', 'up_block_types'] as const) {
    if (read[field].length !== levels)
      throw contradiction(field, `has ${read[field].length} entries for ${levels} levels`);
  }
  // Levels without attention may say what they like.
  const attending = (_: number, level: number) =>
    level === levels - 1 || [read.down_block_types[level], read.up_block_types[levels - 1 - level]].some(hasAttention);
  const textWidths = new Set(spread('cross_attention_dim', cross_attention_dim).filter(attending));
  if (textWidths.size > 1) throw contradiction('cross_attention_dim', 'must be the same at every level');
  const heads = spread('attention_head_dim', attention_head_dim);
  read.block_out_channels.forEach((channels, level) => {
    const count = heads[level] ?? 1;
    if (channels % count !== 0)
      throw contradiction('attention_head_dim', `${channels} channels cannot be split into ${count} heads`);
    if (channels % read.norm_num_groups !== 0) {
      throw contradiction(
        'norm_num_groups',
        `${channels} channels cannot be split into ${read.norm_num_groups} groups`,
      );
    }
  });
  if ((read.block_out_channels[0] ?? 1) % 2 !== 0)
    throw contradiction('block_out_channels', 'the first width must be even');
  const [textWidth = 0] = textWidths;
  const layers = spread('layers_per_block', layers_per_block);
  const transformers = transformerBlocks(layers, transformer_layers_per_block, reverse_transformer_layers_per_block);
  return { ...read, layers, heads, textWidth, transformers };
}

/** Whether a block type's resnets are each followed by an attention module. */
export function hasAttention(blockType: string | undefined): boolean {
  return blockType?.startsWith('CrossAttn') ?? false;
}

/** The reference's three ways to tell transformer blocks (one number, per level, per attention) as the last one. */
function transformerBlocks(
  layers: readonly number[],
  given: v.InferOutput<typeof perAttention>,
  reversed: (number | number[])[] | null | undefined,
): UnetConfig['transformers'] {
  const perLevel = typeof given === 'number' ? layers.map(() => given) : given;
  const fit = (field: string, list: readonly (number | number[])[], lengths: readonly number[]) => {
    if (list.length !== lengths.length)
      throw contradiction(field, `has ${list.length} entries for ${lengths.length} levels`);
    return lengths.map((length, i) => {
      const entry = list[i] ?? 1;
      const counts = typeof entry === 'number' ? new Array<number>(length).fill(entry) : entry;
      if (counts.length !== length)
        throw contradiction(field, `entry ${i} has ${counts.length} numbers for ${length} attention modules`);
      return counts;
    });
  };
  if (!reversed && perLevel.some((entry) => typeof entry !== 'number')) {
    throw contradiction('reverse_transformer_layers_per_block', 'has to be given with numbers per attention module');
  }
  const down = fit('transformer_layers_per_block', perLevel, layers);
  const wayUp = [...layers].reverse().map((count) => count + 1);
  const up = fit('reverse_transformer_layers_per_block', reversed ?? [...perLevel].reverse(), wayUp);
  return { down, up, mid: down.at(-1)?.[0] ?? 1 };
}

/** One cross-attention layer: its module in the state dict and its width. */
export interface CrossAttentionLayer {
  /** e.g. `down_blocks.0.attentions.0.transformer_blocks.0.attn2`. */
  readonly name: string;
  readonly width: number;
  /** First column of this layer's keys in the packed keys/values; its values follow at + width. */
  readonly offset: number;
  /** Number of its IP-Adapter tensors: position among all attention processors (self even, cross odd). */
  readonly adapterIndex: number;
}

/**
 * All cross-attention layers in the order of diffusers' `unet.attn_processors`: down, up, mid (the mid block is
 * registered last).
 */
export function crossAttentionLayers(config: UnetConfig): CrossAttentionLayer[] {
  const places: { name: string; width: number }[] = [];
  const levels = config.block_out_channels.length;
  const { down, up, mid } = config.transformers;
  const addBlock = (block: string, level: number, counts: readonly number[]) => {
    const width = config.block_out_channels[level] ?? 0;
    counts.forEach((count, i) => {
      for (let k = 0; k < count; k++) {
        places.push({ name: `${block}.attentions.${i}.transformer_blocks.${k}.attn2`, width });
      }
    });
  };
  config.down_block_types.forEach((type, level) => {
    if (hasAttention(type)) addBlock(`down_blocks.${level}`, level, down[level] ?? []);
  });
  config.up_block_types.forEach((type, i) => {
    if (hasAttention(type)) addBlock(`up_blocks.${i}`, levels - 1 - i, up[i] ?? []);
  });
  if (config.mid_block_type === 'UNetMidBlock2DCrossAttn') addBlock('mid_block', levels - 1, [mid]);
  let offset = 0;
  return places.map((place, i) => {
    const layer = { ...place, offset, adapterIndex: 2 * i + 1 };
    offset += 2 * place.width;
    return layer;
  });
}

/** Width K of the packed keys/values: Σ over cross-attention layers of 2 · width. */
export function packedWidth(layers: readonly CrossAttentionLayer[]): number {
  return layers.reduce((sum, layer) => sum + 2 * layer.width, 0);
}

function contradiction(field: string, what: string): AppError {
  return new AppError('bundle-invalid', `The configuration of ${NETWORK} is not supported: ${field}: ${what}`, {
    details: { network: NETWORK, fields: [field] },
  });
}
