/** What the two halves of CLIP have in common (transformers 5.23, modeling_clip.py). */
import * as v from 'valibot';
import { AppError } from '../domain/errors.ts';
import type { Graph, Value } from './graph.ts';
import { attention, embedding, layerNorm, linear } from './layers.ts';
import { positive } from './read-config.ts';

/** Config fields of a CLIP encoder; `layer_norm_eps` as the reference has it where a config leaves it out. */
export const clipFields = {
  hidden_size: positive,
  intermediate_size: positive,
  num_hidden_layers: positive,
  num_attention_heads: positive,
  hidden_act: v.optional(v.picklist(['quick_gelu', 'gelu']), 'quick_gelu'),
  layer_norm_eps: v.optional(v.number(), 1e-5),
};

export type ClipFields = { readonly [F in keyof typeof clipFields]: v.InferOutput<(typeof clipFields)[F]> };

/** Throws AppError `bundle-invalid` when the width cannot be split into heads. */
export function requireHeads(network: string, { hidden_size, num_attention_heads }: ClipFields): void {
  if (hidden_size % num_attention_heads === 0) return;
  throw new AppError(
    'bundle-invalid',
    `The configuration of ${network} is not supported: ${hidden_size} channels cannot be split into ${num_attention_heads} heads (num_attention_heads).`,
  );
}

/** CLIPEncoderLayer, [b,L,width] → [b,L,width]; `mask` is added to the attention scores. */
export function clipLayer(graph: Graph, x: Value, layer: string, config: ClipFields, mask?: Value): Value {
  const { hidden_size: width, layer_norm_eps: epsilon } = config;
  const normed = layerNorm(graph, x, `${layer}.layer_norm1`, epsilon);
  const project = (part: string) => linear(graph, normed, `${layer}.self_attn.${part}`, width);
  const mixed = attention(
    graph,
    project('q_proj'),
    project('k_proj'),
    project('v_proj'),
    config.num_attention_heads,
    mask,
  );
  const y = graph.add(x, linear(graph, mixed, `${layer}.self_attn.out_proj`, width));
  const inner = layerNorm(graph, y, `${layer}.layer_norm2`, epsilon);
  const hidden = linear(graph, inner, `${layer}.mlp.fc1`, config.intermediate_size);
  const activated = config.hidden_act === 'gelu' ? graph.gelu(hidden) : graph.quickGelu(hidden);
  return graph.add(y, linear(graph, activated, `${layer}.mlp.fc2`, width));
}

/** The first `length` rows of a table; gathered like words, so that the table may be stored as int8 rows too. */
export function firstRows(graph: Graph, name: string, rows: number, width: number, length: number): Value {
  const positions = graph.integers(Array.from({ length }, (_, i) => i));
  return embedding(graph, graph.reshape(positions, [1, length]), name, rows, width);
}
