/**
 * The resampler of IP-Adapter-plus: a few learned queries read the image encoder's tokens and become face tokens
 * (tencent-ailab/IP-Adapter 62e4af9, resampler.py; diffusers 0.42: IPAdapterPlusImageProjection). Tensor names are those
 * of the published adapter files.
 */
import * as v from 'valibot';
import type { TensorIndex } from '../bundle/weight-index.ts';
import { Graph, type BuiltGraph, type ComputeType, type Value } from './graph.ts';
import { requireDims, type InputDims } from './input-dims.ts';
import { attention, layerNorm, linear } from './layers.ts';
import { positive, readConfig } from './read-config.ts';

/** The reference's constructor arguments; published files have no config, so the forge reads them off the shapes. */
const schema = v.object({
  /** Width inside. */
  dim: positive,
  depth: positive,
  dim_head: v.optional(positive, 64),
  heads: positive,
  /** Face tokens. */
  num_queries: positive,
  /** Width of the image encoder's states. */
  embedding_dim: positive,
  /** Width of the text states. */
  output_dim: positive,
  /** Width of the feed-forward layers as a multiple of `dim`. */
  ff_mult: v.optional(v.pipe(v.number(), v.minValue(0)), 4),
});
type Config = v.InferOutput<typeof schema>;

const LAYER_NORM_EPS = 1e-5;

/** hidden_states [b,n,embedding_dim] → face_tokens [b,num_queries,output_dim]. */
export function buildResampler(
  config: unknown,
  tensors: TensorIndex,
  dims: InputDims,
  compute: ComputeType,
): BuiltGraph {
  const read = readConfig(schema, config, 'Resampler');
  const graph = new Graph('resampler', tensors, compute);
  const stateDims = requireDims(dims, 'resampler', 'hidden_states', [null, null, read.embedding_dim]);
  const [batch = 1] = stateDims;
  const states = linear(graph, graph.floatInput('hidden_states', stateDims), 'image_proj.proj_in', read.dim);
  const queries = graph.weight('image_proj.latents', [1, read.num_queries, read.dim]);
  let x = batch === 1 ? queries : graph.concat(new Array<Value>(batch).fill(queries), 0);
  for (let i = 0; i < read.depth; i++) {
    x = graph.add(perceive(graph, read, states, x, `image_proj.layers.${i}.0`), x);
    x = graph.add(feedForward(graph, read, x, `image_proj.layers.${i}.1`), x);
  }
  const out = linear(graph, x, 'image_proj.proj_out', read.output_dim);
  graph.output('face_tokens', layerNorm(graph, out, 'image_proj.norm_out', LAYER_NORM_EPS));
  return graph.finish();
}

/** Attention of the queries over image tokens and queries together. */
function perceive(graph: Graph, config: Config, states: Value, queries: Value, name: string): Value {
  const inner = config.heads * config.dim_head;
  const own = layerNorm(graph, queries, `${name}.norm2`, LAYER_NORM_EPS);
  const all = graph.concat([layerNorm(graph, states, `${name}.norm1`, LAYER_NORM_EPS), own], 1);
  const keysValues = linear(graph, all, `${name}.to_kv`, 2 * inner, false);
  const key = graph.slice(keysValues, 2, 0, inner);
  const value = graph.slice(keysValues, 2, inner, 2 * inner);
  const mixed = attention(graph, linear(graph, own, `${name}.to_q`, inner, false), key, value, config.heads);
  return linear(graph, mixed, `${name}.to_out`, config.dim, false);
}

/** LayerNorm, linear, GELU, linear: entries 0, 1 and 3 of the reference's Sequential. */
function feedForward(graph: Graph, config: Config, x: Value, name: string): Value {
  const width = Math.floor(config.dim * config.ff_mult);
  const normed = layerNorm(graph, x, `${name}.0`, LAYER_NORM_EPS);
  const hidden = graph.gelu(linear(graph, normed, `${name}.1`, width, false));
  return linear(graph, hidden, `${name}.3`, config.dim, false);
}
