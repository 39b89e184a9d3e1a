/**
 * The text encoder: CLIPTextModel up to `last_hidden_state`. Tensor names are those of transformers 5.23, without the
 * `text_model.` of older checkpoints.
 */
import * as v from 'valibot';
import { AppError } from '../domain/errors.ts';
import type { TensorIndex } from '../bundle/weight-index.ts';
import { clipFields, clipLayer, firstRows, requireHeads } from './clip-layers.ts';
import { Graph, type BuiltGraph, type ComputeType } from './graph.ts';
import { requireDims, type InputDims } from './input-dims.ts';
import { embedding, layerNorm } from './layers.ts';
import { count, positive, readConfig } from './read-config.ts';

const NETWORK = 'CLIPTextModel';

const schema = v.object({
  ...clipFields,
  vocab_size: positive,
  max_position_embeddings: positive,
  /**
   * Ours, not in config.json: how many of the last layers are left out, as the argument of that name in the reference
   * pipelines (diffusers 0.42: `hidden_states[-(clip_skip + 1)]`, then the final norm). Their weights are not read.
   */
  clip_skip: v.optional(count, 0),
});

/** Attention bias of tokens that lie ahead: e^-10000 is 0, and f16 can hold it. */
const AHEAD = -10_000;

/**
 * input_ids int32 [b,L] → last_hidden_state [b,L,hidden_size], after the final norm. Causal, no padding mask: the
 * reference pipelines encode the padding too.
 */
export function buildClipText(
  config: unknown,
  tensors: TensorIndex,
  dims: InputDims,
  compute: ComputeType,
): BuiltGraph {
  const read = readConfig(schema, config, NETWORK);
  const { hidden_size: width, max_position_embeddings: positions, num_hidden_layers: layers } = read;
  requireHeads(NETWORK, read);
  if (read.clip_skip >= layers) {
    throw new AppError(
      'bundle-invalid',
      `The configuration of ${NETWORK} is not supported: clip_skip: ${read.clip_skip} of ${layers} layers cannot be left out`,
    );
  }
  const graph = new Graph('textEncoder', tensors, compute);
  const [batch = 1, length = 1] = requireDims(dims, 'textEncoder', 'input_ids', [null, null]);
  if (length > positions) {
    throw new AppError('graph-invalid', `textEncoder: ${length} tokens, but the model has ${positions} positions.`);
  }
  const ids = graph.input('input_ids', [batch, length], 'int32');
  const mask = Float32Array.from({ length: length * length }, (_, i) =>
    i % length > Math.floor(i / length) ? AHEAD : 0,
  );
  const bias = graph.constant(mask, [1, 1, length, length]);

  let x = graph.add(
    embedding(graph, ids, 'embeddings.token_embedding.weight', read.vocab_size, width),
    firstRows(graph, 'embeddings.position_embedding.weight', positions, width, length),
  );
  for (let i = 0; i < layers - read.clip_skip; i++) x = clipLayer(graph, x, `encoder.layers.${i}`, read, bias);
  graph.output('last_hidden_state', layerNorm(graph, x, 'final_layer_norm', read.layer_norm_eps));
  return graph.finish();
}
