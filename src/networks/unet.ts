/**
 * The denoiser: UNet2DConditionModel of diffusers 0.42 (any SD1.5-type config), whose text and face keys/values come
 * in ready-made from the conditioner.
 */
import { AppError } from '../domain/errors.ts';
import type { TensorIndex } from '../bundle/weight-index.ts';
import { Graph, type BuiltGraph, type ComputeType, type Value } from './graph.ts';
import { requireDims, type InputDims } from './input-dims.ts';
import {
  addAndNorm,
  attention,
  conv,
  fromTokens,
  geglu,
  groupNorm,
  layerNorm,
  linear,
  projectFromTokens,
  projectToTokens,
  toTokens,
} from './layers.ts';
import { resnet } from './resnet.ts';
import {
  crossAttentionLayers,
  hasAttention,
  packedWidth,
  readUnetConfig,
  type CrossAttentionLayer,
  type UnetConfig,
} from './unet-config.ts';

/** Epsilon of the GroupNorm in Transformer2DModel and of its LayerNorms, fixed in the reference. */
const TRANSFORMER_NORM_EPS = 1e-6;
const LAYER_NORM_EPS = 1e-5;

/**
 * sample [b,c,h,w], timestep [1], text_kv [b,L,K], face_kv [b,t,K] where there is a face, and timestep_cond
 * [b,time_cond_proj_dim] where the config has that field → out_sample [b,c,h,w].
 * h and w may be odd: the way up returns to the sizes of the way down.
 */
export function buildUnet(config: unknown, tensors: TensorIndex, dims: InputDims, compute: ComputeType): BuiltGraph {
  const unet = new Unet(readUnetConfig(config), new Graph('denoiser', tensors, compute), dims);
  return unet.build();
}

class Unet {
  private readonly config: UnetConfig;
  private readonly graph: Graph;
  private readonly dims: InputDims;
  private readonly cross: readonly CrossAttentionLayer[];

  constructor(config: UnetConfig, graph: Graph, dims: InputDims) {
    this.config = config;
    this.graph = graph;
    this.dims = dims;
    this.cross = crossAttentionLayers(config);
  }

  build(): BuiltGraph {
    const { config, graph } = this;
    const { block_out_channels: widths, layers } = config;
    const context = this.inputs();
    const time = this.timeEmbedding(context.guidance);

    let x = conv(graph, context.sample, 'conv_in', widths[0] ?? 0, { kernel: config.conv_in_kernel });
    const skips = [x];
    widths.forEach((width, level) => {
      const block = `down_blocks.${level}`;
      const attends = hasAttention(config.down_block_types[level]);
      for (let i = 0; i < (layers[level] ?? 0); i++) {
        x = this.resnet(x, time, `${block}.resnets.${i}`, width);
        const blocks = config.transformers.down[level]?.[i] ?? 1;
        if (attends) x = this.transformer(x, context, `${block}.attentions.${i}`, level, blocks);
        skips.push(x);
      }
      if (level === widths.length - 1) return;
      const padding = config.downsample_padding || ([0, 0, 1, 1] as const);
      x = conv(graph, x, `${block}.downsamplers.0.conv`, width, { kernel: 3, stride: 2, padding });
      skips.push(x);
    });

    x = this.middle(x, time, context);

    config.up_block_types.forEach((type, i) => {
      const level = widths.length - 1 - i;
      const width = widths[level] ?? 0;
      for (let j = 0; j <= (layers[level] ?? 0); j++) {
        const skip = skips.pop();
        if (skip === undefined)
          throw new AppError('graph-invalid', 'The UNet has more layers on the way up than down.');
        x = this.resnet(graph.concat([x, skip], 1), time, `up_blocks.${i}.resnets.${j}`, width);
        const blocks = config.transformers.up[i]?.[j] ?? 1;
        if (hasAttention(type)) x = this.transformer(x, context, `up_blocks.${i}.attentions.${j}`, level, blocks);
      }
      const next = skips.at(-1);
      if (next === undefined) return;
      const [, , height = 0, columns = 0] = next.dims;
      const larger = graph.resizeNearest(x, height, columns);
      x = conv(graph, larger, `up_blocks.${i}.upsamplers.0.conv`, width, { kernel: 3 });
    });

    x = graph.silu(groupNorm(graph, x, 'conv_norm_out', config.norm_num_groups, config.norm_eps));
    graph.output('out_sample', conv(graph, x, 'conv_out', config.out_channels, { kernel: config.conv_out_kernel }));
    return graph.finish();
  }

  private inputs(): Context {
    const { config, graph, dims, cross } = this;
    const [batch] = requireDims(dims, 'denoiser', 'sample', [null, config.in_channels, null, null]);
    requireDims(dims, 'denoiser', 'timestep', [1]);
    const sample = graph.floatInput('sample', dims['sample'] ?? []);
    const keysValues = (name: string): KeysValues => {
      const all = graph.floatInput(
        name,
        requireDims(dims, 'denoiser', name, [batch ?? null, null, packedWidth(cross)]),
      );
      const parts = graph.split(
        all,
        2,
        cross.flatMap(({ width }) => [width, width]),
      );
      return new Map(cross.map((layer, i) => [layer.name, { key: parts[2 * i]!, value: parts[2 * i + 1]! }]));
    };
    const text = keysValues('text_kv');
    const face = dims['face_kv'] ? keysValues('face_kv') : undefined;
    if (!config.time_cond_proj_dim) return { sample, text, face, guidance: undefined };
    const guidanceDims = requireDims(dims, 'denoiser', 'timestep_cond', [batch ?? null, config.time_cond_proj_dim]);
    return { sample, text, face, guidance: graph.floatInput('timestep_cond', guidanceDims) };
  }

  /**
   * Sinusoids of the timestep (in f32 whatever the compute type) with the projected guidance embedding, two linear
   * layers, SiLU: what every resnet reads, [1,…] or, with guidance, [b,…].
   */
  private timeEmbedding(guidance: Value | undefined): Value {
    const { config, graph } = this;
    const width = config.block_out_channels[0] ?? 0;
    const half = width / 2;
    const frequencies = Float32Array.from({ length: half }, (_, i) =>
      Math.exp((-Math.log(10_000) * i) / (half - config.freq_shift)),
    );
    const timestep = graph.reshape(graph.input('timestep', [1], 'float32'), [1, 1]);
    const angles = graph.multiply(timestep, graph.constant(frequencies, [1, half], 'float32'));
    const sine = graph.node('Sin', [angles], angles.dims);
    const cosine = graph.node('Cos', [angles], angles.dims);
    const waves = graph.cast(graph.concat(config.flip_sin_to_cos ? [cosine, sine] : [sine, cosine], 1), graph.compute);
    const embedWidth = config.time_embedding_dim ?? width * 4;
    const told = guidance ? graph.add(waves, linear(graph, guidance, 'time_embedding.cond_proj', width, false)) : waves;
    const hidden = graph.silu(linear(graph, told, 'time_embedding.linear_1', embedWidth));
    return graph.silu(linear(graph, hidden, 'time_embedding.linear_2', embedWidth));
  }

  private middle(x: Value, time: Value, context: Context): Value {
    const level = this.config.block_out_channels.length - 1;
    const width = this.config.block_out_channels[level] ?? 0;
    if (this.config.mid_block_type === null) return x;
    let y = this.resnet(x, time, 'mid_block.resnets.0', width);
    if (this.config.mid_block_type === 'UNetMidBlock2D') return y;
    y = this.transformer(y, context, 'mid_block.attentions.0', level, this.config.transformers.mid);
    return this.resnet(y, time, 'mid_block.resnets.1', width);
  }

  private resnet(x: Value, time: Value, name: string, channels: number): Value {
    const { norm_num_groups: groups, norm_eps: epsilon } = this.config;
    return resnet(this.graph, x, name, channels, { groups, epsilon, time });
  }

  /** Transformer2DModel: projection, transformer blocks, projection back, shortcut. */
  private transformer(x: Value, context: Context, name: string, level: number, blocks: number): Value {
    const { graph, config } = this;
    const [, channels = 1, height = 1, width = 1] = x.dims;
    const heads = config.heads[level] ?? 1;
    const normed = groupNorm(graph, x, `${name}.norm`, config.norm_num_groups, TRANSFORMER_NORM_EPS);
    let y = config.use_linear_projection
      ? linear(graph, toTokens(graph, normed), `${name}.proj_in`, channels)
      : projectToTokens(graph, normed, `${name}.proj_in`, channels);
    for (let k = 0; k < blocks; k++) y = this.transformerBlock(y, context, `${name}.transformer_blocks.${k}`, heads);
    const out = config.use_linear_projection
      ? fromTokens(graph, linear(graph, y, `${name}.proj_out`, channels), height, width)
      : projectFromTokens(graph, y, `${name}.proj_out`, [channels, height, width]);
    return graph.add(out, x);
  }

  /** BasicTransformerBlock: self attention, text and face attention, GEGLU. */
  private transformerBlock(x: Value, context: Context, block: string, heads: number): Value {
    const { graph } = this;
    const channels = x.dims.at(-1) ?? 1;
    const project = (y: Value, part: string) => linear(graph, y, `${block}.${part}`, channels, false);

    const own = layerNorm(graph, x, `${block}.norm1`, LAYER_NORM_EPS);
    const [q, k, v] = ['to_q', 'to_k', 'to_v'].map((part) => project(own, `attn1.${part}`)) as [Value, Value, Value];
    const mixed = attention(graph, q, k, v, heads);
    const step = linear(graph, mixed, `${block}.attn1.to_out.0`, channels);
    const [afterOwn, asking] = addAndNorm(graph, step, x, `${block}.norm2`, LAYER_NORM_EPS);

    const read = this.crossAttention(project(asking, 'attn2.to_q'), context, `${block}.attn2`, heads);
    const told = linear(graph, read, `${block}.attn2.to_out.0`, channels);
    const [afterCross, normed3] = addAndNorm(graph, told, afterOwn, `${block}.norm3`, LAYER_NORM_EPS);

    const wide = linear(graph, normed3, `${block}.ff.net.0.proj`, channels * 8);
    return graph.add(linear(graph, geglu(graph, wide), `${block}.ff.net.2`, channels), afterCross);
  }

  /** Text and face each with their own softmax, added (IP-Adapter, arXiv:2308.06721); the face scale is in its values. */
  private crossAttention(query: Value, context: Context, name: string, heads: number): Value {
    const attend = (keysValues: KeysValues) => {
      const own = keysValues.get(name);
      if (own === undefined) throw new AppError('graph-invalid', `${name} is not among the cross-attention layers.`);
      return attention(this.graph, query, own.key, own.value, heads);
    };
    const text = attend(context.text);
    return context.face ? this.graph.add(text, attend(context.face)) : text;
  }
}

/** By cross-attention layer. */
type KeysValues = ReadonlyMap<string, { readonly key: Value; readonly value: Value }>;

interface Context {
  readonly sample: Value;
  readonly text: KeysValues;
  readonly face: KeysValues | undefined;
  readonly guidance: Value | undefined;
}
