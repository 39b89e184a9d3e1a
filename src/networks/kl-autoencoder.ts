/** AutoencoderKL of diffusers 0.42: the autoencoder of Stable Diffusion. Factor and shift of the latent are the manifest's. */
import * as v from 'valibot';
import { AppError } from '../domain/errors.ts';
import type { TensorIndex } from '../bundle/weight-index.ts';
import { Graph, type BuiltGraph, type ComputeType, type Value } from './graph.ts';
import { requireDims, type InputDims } from './input-dims.ts';
import { attention, conv, fromTokens, groupNorm, linear, toTokens } from './layers.ts';
import { positive, readConfig } from './read-config.ts';
import { resnet } from './resnet.ts';

const NETWORK = 'AutoencoderKL';

const schema = v.object({
  in_channels: v.optional(positive, 3),
  out_channels: v.optional(positive, 3),
  latent_channels: v.optional(positive, 4),
  block_out_channels: v.optional(v.pipe(v.array(positive), v.minLength(1)), [64]),
  down_block_types: v.optional(v.array(v.literal('DownEncoderBlock2D')), ['DownEncoderBlock2D']),
  up_block_types: v.optional(v.array(v.literal('UpDecoderBlock2D')), ['UpDecoderBlock2D']),
  layers_per_block: v.optional(positive, 1),
  norm_num_groups: v.optional(positive, 32),
  act_fn: v.optional(v.picklist(['silu', 'swish']), 'silu'),
  use_quant_conv: v.optional(v.boolean(), true),
  use_post_quant_conv: v.optional(v.boolean(), true),
  mid_block_add_attention: v.optional(v.boolean(), true),
  latents_mean: v.nullish(v.never('only null is supported: the manifest has one factor and one shift')),
  latents_std: v.nullish(v.never('only null is supported: the manifest has one factor and one shift')),
});
type Config = v.InferOutput<typeof schema>;

/** Epsilon of every GroupNorm, fixed in the reference. */
const NORM_EPS = 1e-6;

/**
 * image [b,3,H,W] in [-1,1] → latent [b,c,⌊H/f⌋,⌊W/f⌋], the mean of the moments (the reference's `latent_dist.mode()`),
 * not yet scaled. H and W need not be multiples of f: a downsampling drops an odd row or column.
 */
export function buildKlEncoder(
  config: unknown,
  tensors: TensorIndex,
  dims: InputDims,
  compute: ComputeType,
): BuiltGraph {
  const read = readKlConfig(config);
  const { block_out_channels: widths, latent_channels: channels } = read;
  const graph = new Graph('latentEncoder', tensors, compute);
  const imageDims = requireDims(dims, 'latentEncoder', 'image', [null, read.in_channels, null, null]);
  const smallest = 2 ** (widths.length - 1);
  if ((imageDims[2] ?? 0) < smallest || (imageDims[3] ?? 0) < smallest) {
    throw new AppError('graph-invalid', `latentEncoder: the image's sides must be at least ${smallest} pixels.`);
  }
  let x = conv(graph, graph.floatInput('image', imageDims), 'encoder.conv_in', widths[0] ?? 0, { kernel: 3 });
  widths.forEach((width, level) => {
    const block = `encoder.down_blocks.${level}`;
    for (let i = 0; i < read.layers_per_block; i++) x = block2d(graph, read, x, `${block}.resnets.${i}`, width);
    if (level === widths.length - 1) return;
    x = conv(graph, x, `${block}.downsamplers.0.conv`, width, { kernel: 3, stride: 2, padding: [0, 0, 1, 1] });
  });
  x = ends(graph, read, middle(graph, read, x, 'encoder.mid_block'), 'encoder', 2 * channels);
  const moments = read.use_quant_conv ? conv(graph, x, 'quant_conv', 2 * channels, { kernel: 1 }) : x;
  graph.output('latent', graph.slice(moments, 1, 0, channels));
  return graph.finish();
}

/** latent [b,c,h,w], scaled back already → image [b,3,f·h,f·w], about [-1,1], not clamped. */
export function buildKlDecoder(
  config: unknown,
  tensors: TensorIndex,
  dims: InputDims,
  compute: ComputeType,
): BuiltGraph {
  const read = readKlConfig(config);
  const widths = [...read.block_out_channels].reverse();
  const graph = new Graph('latentDecoder', tensors, compute);
  const latentDims = requireDims(dims, 'latentDecoder', 'latent', [null, read.latent_channels, null, null]);
  const latent = graph.floatInput('latent', latentDims);
  const start = read.use_post_quant_conv
    ? conv(graph, latent, 'post_quant_conv', read.latent_channels, { kernel: 1 })
    : latent;
  let x = conv(graph, start, 'decoder.conv_in', widths[0] ?? 0, { kernel: 3 });
  x = middle(graph, read, x, 'decoder.mid_block');
  widths.forEach((width, level) => {
    const block = `decoder.up_blocks.${level}`;
    for (let i = 0; i <= read.layers_per_block; i++) x = block2d(graph, read, x, `${block}.resnets.${i}`, width);
    if (level === widths.length - 1) return;
    const [, , h = 1, w = 1] = x.dims;
    x = conv(graph, graph.resizeNearest(x, 2 * h, 2 * w), `${block}.upsamplers.0.conv`, width, { kernel: 3 });
  });
  graph.output('image', ends(graph, read, x, 'decoder', read.out_channels));
  return graph.finish();
}

function readKlConfig(config: unknown): Config {
  const read = readConfig(schema, config, NETWORK);
  const levels = read.block_out_channels.length;
  for (const field of ['down_block_types', 'up_block_types'] as const) {
    if (read[field].length === levels) continue;
    throw unsupported(field, `has ${read[field].length} entries for ${levels} levels`);
  }
  for (const width of read.block_out_channels) {
    if (width % read.norm_num_groups === 0) continue;
    throw unsupported('norm_num_groups', `${width} channels cannot be split into ${read.norm_num_groups} groups`);
  }
  return read;
}

function block2d(graph: Graph, config: Config, x: Value, name: string, channels: number): Value {
  return resnet(graph, x, name, channels, { groups: config.norm_num_groups, epsilon: NORM_EPS });
}

/** Two resnets with one attention head over all pixels between them. */
function middle(graph: Graph, config: Config, x: Value, block: string): Value {
  const [, channels = 1, height = 1, width = 1] = x.dims;
  let y = block2d(graph, config, x, `${block}.resnets.0`, channels);
  if (config.mid_block_add_attention) {
    const name = `${block}.attentions.0`;
    const tokens = toTokens(graph, groupNorm(graph, y, `${name}.group_norm`, config.norm_num_groups, NORM_EPS));
    const project = (part: string) => linear(graph, tokens, `${name}.${part}`, channels);
    const mixed = attention(graph, project('to_q'), project('to_k'), project('to_v'), 1);
    y = graph.add(fromTokens(graph, linear(graph, mixed, `${name}.to_out.0`, channels), height, width), y);
  }
  return block2d(graph, config, y, `${block}.resnets.1`, channels);
}

function ends(graph: Graph, config: Config, x: Value, part: string, channels: number): Value {
  const normed = groupNorm(graph, x, `${part}.conv_norm_out`, config.norm_num_groups, NORM_EPS);
  return conv(graph, graph.silu(normed), `${part}.conv_out`, channels, { kernel: 3 });
}

function unsupported(field: string, what: string): AppError {
  return new AppError('bundle-invalid', `The configuration of ${NETWORK} is not supported: ${field}: ${what}`, {
    details: { network: NETWORK, fields: [field] },
  });
}
