/** AutoencoderTiny (TAESD) of diffusers 0.42. Images are [-1,1] as in diffusers; the network itself works in [0,1]. */
import * as v from 'valibot';
import { AppError } from '../domain/errors.ts';
import type { TensorIndex } from '../bundle/weight-index.ts';
import { Graph, type BuiltGraph, type ComputeType, type Value } from './graph.ts';
import { requireDims, type InputDims } from './input-dims.ts';
import { conv } from './layers.ts';
import { count, only, positive, readConfig } from './read-config.ts';

const schema = v.object({
  in_channels: v.optional(positive, 3),
  out_channels: v.optional(positive, 3),
  latent_channels: v.optional(positive, 4),
  encoder_block_out_channels: v.optional(v.array(positive), [64, 64, 64, 64]),
  decoder_block_out_channels: v.optional(v.array(positive), [64, 64, 64, 64]),
  num_encoder_blocks: v.optional(v.array(count), [1, 3, 3, 3]),
  num_decoder_blocks: v.optional(v.array(count), [3, 3, 3, 1]),
  upsampling_scaling_factor: v.optional(positive, 2),
  act_fn: only('relu'),
  upsample_fn: only('nearest'),
});

/** image [b,3,H,W] in [-1,1] → latent [b,c,H/f,W/f], already in the denoiser's units. */
export function buildTinyEncoder(
  config: unknown,
  tensors: TensorIndex,
  dims: InputDims,
  compute: ComputeType,
): BuiltGraph {
  const read = readConfig(schema, config, 'AutoencoderTiny');
  const { encoder_block_out_channels: widths, num_encoder_blocks: blocks } = read;
  requireUniform(widths, blocks, 'encoder');
  const graph = new Graph('latentEncoder', tensors, compute);
  const input = graph.floatInput(
    'image',
    requireDims(dims, 'latentEncoder', 'image', [null, read.in_channels, null, null]),
  );
  const layer = layerNames('encoder');
  let x = graph.scale(graph.offset(input, 1), 0.5);
  widths.forEach((width, i) => {
    x = conv(graph, x, layer(), width, i === 0 ? { kernel: 3 } : { kernel: 3, stride: 2, bias: false });
    for (let j = 0; j < (blocks[i] ?? 0); j++) x = block(graph, x, layer(), width);
  });
  graph.output('latent', conv(graph, x, layer(), read.latent_channels, { kernel: 3 }));
  return graph.finish();
}

/** latent [b,c,h,w] → image [b,3,f·h,f·w], about [-1,1], not clamped. */
export function buildTinyDecoder(
  config: unknown,
  tensors: TensorIndex,
  dims: InputDims,
  compute: ComputeType,
): BuiltGraph {
  const read = readConfig(schema, config, 'AutoencoderTiny');
  const { decoder_block_out_channels: widths, num_decoder_blocks: blocks } = read;
  requireUniform(widths, blocks, 'decoder');
  const graph = new Graph('latentDecoder', tensors, compute);
  const input = graph.floatInput(
    'latent',
    requireDims(dims, 'latentDecoder', 'latent', [null, read.latent_channels, null, null]),
  );
  const layer = layerNames('decoder');
  let x = graph.scale(graph.tanh(graph.scale(input, 1 / 3)), 3);
  x = graph.relu(conv(graph, x, layer(), widths[0] ?? 0, { kernel: 3 }));
  layer(); // the activation has a place of its own in the reference's Sequential
  widths.forEach((width, i) => {
    for (let j = 0; j < (blocks[i] ?? 0); j++) x = block(graph, x, layer(), width);
    if (i === widths.length - 1) return;
    layer(); // so has the upsampling
    const [, , h = 1, w = 1] = x.dims;
    const larger = graph.resizeNearest(x, h * read.upsampling_scaling_factor, w * read.upsampling_scaling_factor);
    x = conv(graph, larger, layer(), width, { kernel: 3, bias: false });
  });
  x = conv(graph, x, layer(), read.out_channels, { kernel: 3 });
  graph.output('image', graph.offset(graph.scale(x, 2), -1));
  return graph.finish();
}

/** AutoencoderTinyBlock: three convolutions and a shortcut. */
function block(graph: Graph, x: Value, name: string, channels: number): Value {
  let y = graph.relu(conv(graph, x, `${name}.conv.0`, channels, { kernel: 3 }));
  y = graph.relu(conv(graph, y, `${name}.conv.2`, channels, { kernel: 3 }));
  y = conv(graph, y, `${name}.conv.4`, channels, { kernel: 3 });
  return graph.relu(graph.add(y, x));
}

/** Names of the Sequential's entries in turn. */
function layerNames(part: 'encoder' | 'decoder'): () => string {
  let next = 0;
  return () => `${part}.layers.${next++}`;
}

/** The reference's strided and upsampling convolutions keep the width, so all levels have the same. */
function requireUniform(widths: readonly number[], blocks: readonly number[], part: 'encoder' | 'decoder'): void {
  if (widths.length === blocks.length && new Set(widths).size === 1) return;
  throw new AppError(
    'bundle-invalid',
    `The configuration of AutoencoderTiny is not supported: ${part}_block_out_channels must be equal widths, one per entry of num_${part}_blocks.`,
  );
}
