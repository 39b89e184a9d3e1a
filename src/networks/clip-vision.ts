/**
 * The image encoder of the CLIP route: CLIPVisionModelWithProjection up to the hidden states before its last layer,
 * which are what IP-Adapter-plus was trained on. Tensor names are those of transformers 5.23 (and 4).
 */
import * as v from 'valibot';
import type { TensorIndex } from '../bundle/weight-index.ts';
import { clipFields, clipLayer, firstRows, requireHeads } from './clip-layers.ts';
import { Graph, type BuiltGraph, type ComputeType } from './graph.ts';
import { requireDims, type InputDims } from './input-dims.ts';
import { conv, layerNorm, toTokens } from './layers.ts';
import { positive, readConfig } from './read-config.ts';

const NETWORK = 'CLIPVisionModelWithProjection';

const schema = v.object({
  ...clipFields,
  num_channels: v.optional(positive, 3),
  image_size: v.optional(positive, 224),
  patch_size: v.optional(positive, 32),
});

/**
 * pixel_values [b,3,image_size,image_size] → hidden_states [b,1+p,hidden_size] with p = ⌊image_size/patch_size⌋²: the
 * reference's `hidden_states[-2]`. Neither the last layer nor norm and projection after it are read.
 */
export function buildClipVision(
  config: unknown,
  tensors: TensorIndex,
  dims: InputDims,
  compute: ComputeType,
): BuiltGraph {
  const read = readConfig(schema, config, NETWORK);
  const { hidden_size: width, image_size: side, patch_size: patch } = read;
  requireHeads(NETWORK, read);
  const graph = new Graph('imageEncoder', tensors, compute);
  const inputDims = requireDims(dims, 'imageEncoder', 'pixel_values', [null, read.num_channels, side, side]);
  const [batch = 1] = inputDims;
  const pixels = graph.floatInput('pixel_values', inputDims);
  const embeddings = 'vision_model.embeddings';
  const patches = conv(graph, pixels, `${embeddings}.patch_embedding`, width, {
    kernel: patch,
    stride: patch,
    padding: 0,
    bias: false,
  });
  const summary = graph.weight(`${embeddings}.class_embedding`, [width], [1, 1, width]);
  const first = batch === 1 ? summary : graph.concat(new Array<typeof summary>(batch).fill(summary), 0);
  const tokens = graph.concat([first, toTokens(graph, patches)], 1);
  const count = tokens.dims[1] ?? 1;
  let x = graph.add(tokens, firstRows(graph, `${embeddings}.position_embedding.weight`, count, width, count));
  x = layerNorm(graph, x, 'vision_model.pre_layrnorm', read.layer_norm_eps);
  for (let i = 0; i < read.num_hidden_layers - 1; i++) {
    x = clipLayer(graph, x, `vision_model.encoder.layers.${i}`, read);
  }
  graph.output('hidden_states', x);
  return graph.finish();
}
