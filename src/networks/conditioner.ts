/**
 * Everything about text and face that stays the same over the steps: the face projection (IP-Adapter FaceID) and the
 * keys and values of all cross-attention layers, packed along the last axis as [key | value] per layer.
 */
import * as v from 'valibot';
import type { TensorIndex } from '../bundle/weight-index.ts';
import { Graph, type BuiltGraph, type ComputeType, type Value } from './graph.ts';
import { requireDims, type InputDims } from './input-dims.ts';
import { layerNorm, linear } from './layers.ts';
import { positive, readConfig } from './read-config.ts';
import { crossAttentionLayers, readUnetConfig } from './unet-config.ts';

const schema = v.object({
  /** config.json of the UNet whose layers are fed. */
  unet: v.record(v.string(), v.unknown()),
  /** config.json of the face adapter. */
  adapter: v.object({ embedding: positive, tokens: positive }),
});

const LAYER_NORM_EPS = 1e-5;

/**
 * text [b,L,d], face [b,embedding], face_scale [n cross-attention layers] → text_kv [b,L,K], face_kv [b,t,K].
 * Scaling a face value equals scaling that layer's face attention output, so scale 0 is no adapter at all.
 */
export function buildConditioner(
  config: unknown,
  tensors: TensorIndex,
  dims: InputDims,
  compute: ComputeType,
): BuiltGraph {
  const { unet, adapter } = readConfig(schema, config, 'FaceConditioner');
  const unetConfig = readUnetConfig(unet);
  const layers = crossAttentionLayers(unetConfig);
  const graph = new Graph('conditioner', tensors, compute);
  const textDims = requireDims(dims, 'conditioner', 'text', [null, null, unetConfig.textWidth]);
  const faceDims = requireDims(dims, 'conditioner', 'face', [textDims[0] ?? null, adapter.embedding]);
  const text = graph.floatInput('text', textDims);
  const face = faceTokens(graph, graph.floatInput('face', faceDims), adapter.tokens, unetConfig.textWidth);
  const scales = graph.floatInput('face_scale', requireDims(dims, 'conditioner', 'face_scale', [layers.length]));

  const textKv: Value[] = [];
  const faceKv: Value[] = [];
  layers.forEach(({ name, width, adapterIndex }, i) => {
    textKv.push(linear(graph, text, `${name}.to_k`, width, false), linear(graph, text, `${name}.to_v`, width, false));
    const adapterName = `ip_adapter.${adapterIndex}`;
    const value = linear(graph, face, `${adapterName}.to_v_ip`, width, false);
    const scaled = graph.multiply(value, graph.slice(scales, 0, i, i + 1));
    faceKv.push(linear(graph, face, `${adapterName}.to_k_ip`, width, false), scaled);
  });
  graph.output('text_kv', graph.concat(textKv, 2));
  graph.output('face_kv', graph.concat(faceKv, 2));
  return graph.finish();
}

/** [b,embedding] → [b,tokens,width]: two linear layers with GELU, reshaped, LayerNorm (IP-Adapter FaceID's MLPProjModel). */
function faceTokens(graph: Graph, face: Value, tokens: number, width: number): Value {
  const [batch = 1, embedding = 1] = face.dims;
  const hiddenWidth = graph.storedDims('image_proj.proj.0.weight')?.[0] ?? embedding * 2;
  const hidden = graph.gelu(linear(graph, face, 'image_proj.proj.0', hiddenWidth));
  const flat = linear(graph, hidden, 'image_proj.proj.2', tokens * width);
  return layerNorm(graph, graph.reshape(flat, [batch, tokens, width]), 'image_proj.norm', LAYER_NORM_EPS);
}
