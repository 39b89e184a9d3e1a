/**
 * Everything about text and face that stays the same over the steps: the face projection (IP-Adapter FaceID; for
 * IP-Adapter-plus the resampler has made face tokens already) and the keys and values of all cross-attention layers,
 * packed along the last axis as [key | value] per layer.
 */
import * as v from 'valibot';
import type { TensorIndex } from '../bundle/weight-index.ts';
import { Graph, type BuiltGraph, type ComputeType, type Value } from './graph.ts';
import { AppError } from '../domain/errors.ts';
import { requireDims, type InputDims } from './input-dims.ts';
import { layerNorm, linear } from './layers.ts';
import { positive, readConfig } from './read-config.ts';
import { crossAttentionLayers, readUnetConfig } from './unet-config.ts';

const schema = v.object({
  /** config.json of the UNet whose layers are fed. */
  unet: v.record(v.string(), v.unknown()),
  /** Face tokens per picture and, where the conditioner makes them itself, the length of the embedding. */
  adapter: v.object({ tokens: positive, embedding: v.optional(positive) }),
});

const LAYER_NORM_EPS = 1e-5;

/**
 * text [b,L,d], face [b,embedding] or (without `adapter.embedding`) face_tokens [b,t,d], face_scale [n cross-attention
 * layers] → text_kv [b,L,K], face_kv [b,t,K]. t is a multiple of `adapter.tokens`: several pictures of one person stand
 * side by side, as in the reference. Scaling a face value equals scaling that layer's face attention output, so scale 0 is no adapter at all.
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
  const text = graph.floatInput('text', textDims);
  const face = faceTokens(graph, dims, adapter, textDims[0] ?? 1, unetConfig.textWidth);
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

/** The face as [b,t,width]: tokens as they come in, or an embedding through the adapter's projection. */
function faceTokens(
  graph: Graph,
  dims: InputDims,
  { tokens, embedding }: { tokens: number; embedding?: number | undefined },
  batch: number,
  width: number,
): Value {
  if (embedding !== undefined) {
    return project(
      graph,
      graph.floatInput('face', requireDims(dims, 'conditioner', 'face', [batch, embedding])),
      tokens,
      width,
    );
  }
  const given = requireDims(dims, 'conditioner', 'face_tokens', [batch, null, width]);
  if ((given[1] ?? 0) % tokens !== 0) {
    throw new AppError(
      'graph-invalid',
      `conditioner: ${given[1]} face tokens are fed, but every picture has ${tokens}.`,
    );
  }
  return graph.floatInput('face_tokens', given);
}

/** [b,embedding] → [b,tokens,width]: two linear layers with GELU, reshaped, LayerNorm (IP-Adapter FaceID's MLPProjModel). */
function project(graph: Graph, face: Value, tokens: number, width: number): Value {
  const [batch = 1, embedding = 1] = face.dims;
  const hiddenWidth = graph.storedDims('image_proj.proj.0.weight')?.[0] ?? embedding * 2;
  const hidden = graph.gelu(linear(graph, face, 'image_proj.proj.0', hiddenWidth));
  const flat = linear(graph, hidden, 'image_proj.proj.2', tokens * width);
  return layerNorm(graph, graph.reshape(flat, [batch, tokens, width]), 'image_proj.norm', LAYER_NORM_EPS);
}
