/**
 * The text encoder: CLIPTextModel up to `last_hidden_state`. Tensor names are those of transformers 5.23, without the
 * `text_model.` of older checkpoints.
 */
import * as v from 'valibot';
import { AppError } from '../domain/errors.ts';
import type { TensorIndex } from '../bundle/weight-index.ts';
import { Graph, type BuiltGraph, type ComputeType, type Value } from './graph.ts';
import { requireDims, type InputDims } from './input-dims.ts';
import { attention, embedding, layerNorm, linear } from './layers.ts';
import { positive, readConfig } from './read-config.ts';

const schema = v.object({
  vocab_size: positive,
  hidden_size: positive,
  intermediate_size: positive,
  num_hidden_layers: positive,
  num_attention_heads: positive,
  max_position_embeddings: positive,
  hidden_act: v.picklist(['quick_gelu', 'gelu']),
  layer_norm_eps: v.optional(v.number(), 1e-5),
});

/** Attention bias of tokens that lie ahead: e^-10000 is 0, and f16 can hold it. */
const AHEAD = -10_000;

/**
 * input_ids int32 [1,L] → last_hidden_state [1,L,hidden_size], after the final norm. Causal, no padding mask: the
 * reference pipelines encode the padding too.
 */
export function buildClipText(
  config: unknown,
  tensors: TensorIndex,
  dims: InputDims,
  compute: ComputeType,
): BuiltGraph {
  const read = readConfig(schema, config, 'CLIPTextModel');
  const { hidden_size: width, layer_norm_eps: eps, num_attention_heads: heads } = read;
  if (width % heads !== 0) {
    throw new AppError(
      'bundle-invalid',
      `The configuration of CLIPTextModel is not supported: ${width} channels cannot be split into ${heads} heads (num_attention_heads).`,
    );
  }
  const graph = new Graph('textEncoder', tensors, compute);
  const [batch = 1, length = 1] = requireDims(dims, 'textEncoder', 'input_ids', [null, null]);
  if (length > read.max_position_embeddings) {
    throw new AppError(
      'graph-invalid',
      `textEncoder: ${length} tokens, but the model has ${read.max_position_embeddings} positions.`,
    );
  }

  const ids = graph.input('input_ids', [batch, length], 'int32');
  const words = embedding(graph, ids, 'embeddings.token_embedding.weight', read.vocab_size, width);
  const positions = positionEmbedding(
    graph,
    'embeddings.position_embedding.weight',
    read.max_position_embeddings,
    width,
    length,
  );
  const mask = Float32Array.from({ length: length * length }, (_, i) =>
    i % length > Math.floor(i / length) ? AHEAD : 0,
  );
  const bias = graph.constant(mask, [1, 1, length, length]);

  let x = graph.add(words, positions);
  for (let i = 0; i < read.num_hidden_layers; i++) {
    const layer = `encoder.layers.${i}`;
    const normed = layerNorm(graph, x, `${layer}.layer_norm1`, eps);
    const project = (part: string) => linear(graph, normed, `${layer}.self_attn.${part}`, width);
    const mixed = attention(graph, project('q_proj'), project('k_proj'), project('v_proj'), heads, bias);
    x = graph.add(x, linear(graph, mixed, `${layer}.self_attn.out_proj`, width));
    const hidden = linear(
      graph,
      layerNorm(graph, x, `${layer}.layer_norm2`, eps),
      `${layer}.mlp.fc1`,
      read.intermediate_size,
    );
    const activated = read.hidden_act === 'gelu' ? graph.gelu(hidden) : graph.quickGelu(hidden);
    x = graph.add(x, linear(graph, activated, `${layer}.mlp.fc2`, width));
  }
  graph.output('last_hidden_state', layerNorm(graph, x, 'final_layer_norm', eps));
  return graph.finish();
}

/** The first `length` rows; gathered like words, so that the table may be stored as int8 rows too. */
function positionEmbedding(graph: Graph, name: string, rows: number, width: number, length: number): Value {
  const positions = graph.integers(Array.from({ length }, (_, i) => i));
  return embedding(graph, graph.reshape(positions, [1, length]), name, rows, width);
}
