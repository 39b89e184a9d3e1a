/** Layers with weights. `name` is the module's name in the reference's state dict: its tensors are `name.weight`, `name.bias`. */
import { AppError } from '../domain/errors.ts';
import type { TensorEntry } from '../bundle/weight-index.ts';
import type { Graph, Value } from './graph.ts';

export interface ConvOptions {
  readonly kernel: number;
  readonly stride?: number;
  /** Zeros around the image: one number, or [top, left, bottom, right]. Default: keeps the size at stride 1. */
  readonly padding?: number | readonly [number, number, number, number];
  /** Whether there is one, or another [channels] than the stored one. Default true. */
  readonly bias?: boolean | Value;
}

/** 2-D convolution, [B,C,H,W] → [B,channels,H',W']. Weights: float, int8 per output channel, or n-bit where kernel is 1. */
export function conv(graph: Graph, x: Value, name: string, channels: number, options: ConvOptions): Value {
  const { kernel, stride = 1, padding = (kernel - 1) >> 1, bias = true } = options;
  const [batch = 1, inputs = 1, height = 1, width = 1] = x.dims;
  const entry = graph.stored(`${name}.weight`, [channels, inputs, kernel, kernel]);
  const biasValue = biasOf(graph, name, channels, bias);
  if (entry.kind === 'nbits' && kernel === 1 && stride === 1 && padding === 0) {
    const tokens = product(graph, toTokens(graph, x), `${name}.weight`, entry, channels);
    const image = fromTokens(graph, tokens, height, width);
    return biasValue ? graph.add(image, graph.reshape(biasValue, [channels, 1, 1])) : image;
  }
  const pads = typeof padding === 'number' ? ([padding, padding, padding, padding] as const) : padding;
  const [top, left, bottom, right] = pads;
  const size = (length: number, before: number, after: number) =>
    Math.floor((length + before + after - kernel) / stride) + 1;
  const dims = [batch, channels, size(height, top, bottom), size(width, left, right)];
  const weights = dequantised(graph, `${name}.weight`, entry);
  return graph.node('Conv', [x, weights, biasValue], dims, {
    attributes: { kernel_shape: [kernel, kernel], strides: [stride, stride], pads },
  });
}

/** x · Wᵀ + b over the last axis, [..., K] → [..., features]. Weights: float, int8 per row, or n-bit blocks; `bias` as in `ConvOptions`. */
export function linear(graph: Graph, x: Value, name: string, features: number, bias: boolean | Value = true): Value {
  const inner = x.dims.at(-1) ?? 1;
  const entry = graph.stored(`${name}.weight`, [features, inner]);
  const outDims = [...x.dims.slice(0, -1), features];
  const biasValue = biasOf(graph, name, features, bias);
  if (entry.kind === 'nbits') return product(graph, x, `${name}.weight`, entry, features, biasValue);
  const rows = x.dims.slice(0, -1).reduce((count, dim) => count * dim, 1);
  const weights = dequantised(graph, `${name}.weight`, entry);
  const y = graph.node('Gemm', [graph.reshape(x, [rows, inner]), weights, biasValue], [rows, features], {
    attributes: { transB: 1 },
  });
  return graph.reshape(y, outDims);
}

/**
 * GroupNorm over [B,C,H,W] as Reshape → InstanceNormalization → Reshape → BatchNormalization: the fused operators have no
 * WebGPU kernel in onnxruntime-web 1.30. With mean 0, variance 1 and ε 0 the last is scale and shift in one program.
 */
export function groupNorm(graph: Graph, x: Value, name: string, groups: number, epsilon: number): Value {
  const [batch = 1, channels = 1, height = 1, width = 1] = x.dims;
  if (channels % groups !== 0) {
    throw new AppError(
      'bundle-invalid',
      `${name}: ${channels} channels cannot be split into ${groups} groups (norm_num_groups).`,
    );
  }
  const grouped = graph.reshape(x, [batch, groups, (channels / groups) * height * width]);
  const filled = (value: number, count: number) => graph.constant(new Float32Array(count).fill(value), [count]);
  const normed = graph.node('InstanceNormalization', [grouped, filled(1, groups), filled(0, groups)], grouped.dims, {
    attributes: { epsilon: { float: epsilon } },
  });
  const scale = graph.weight(`${name}.weight`, [channels]);
  const shift = graph.weight(`${name}.bias`, [channels]);
  const inputs = [graph.reshape(normed, x.dims), scale, shift, filled(0, channels), filled(1, channels)];
  return graph.node('BatchNormalization', inputs, x.dims, { attributes: { epsilon: { float: 0 } } });
}

/** LayerNorm over the last axis. One operator: taken apart it overflows in f16. */
export function layerNorm(graph: Graph, x: Value, name: string, epsilon: number): Value {
  const width = x.dims.at(-1) ?? 1;
  const inputs = [x, graph.weight(`${name}.weight`, [width]), graph.weight(`${name}.bias`, [width])];
  return graph.node('LayerNormalization', inputs, x.dims, { attributes: { axis: -1, epsilon: { float: epsilon } } });
}

/** x + skip, and its LayerNorm, in one operator. */
export function addAndNorm(
  graph: Graph,
  x: Value,
  skip: Value,
  name: string,
  epsilon: number,
): [sum: Value, normed: Value] {
  const width = x.dims.at(-1) ?? 1;
  const inputs = [x, skip, graph.weight(`${name}.weight`, [width]), graph.weight(`${name}.bias`, [width])];
  const options = { domain: 'com.microsoft', attributes: { epsilon: { float: epsilon } } } as const;
  // Outputs 1 and 2, mean and deviation, are for training.
  const [normed = '', , , sum = ''] = graph.outputsOf('SkipLayerNormalization', inputs, 4, options);
  return [
    { ...x, name: sum },
    { ...x, name: normed },
  ];
}

/** Rows of a table [vocabulary, width] by int32 ids [1,L] → [1,L,width]. int8 rows are gathered before they are scaled. */
export function embedding(graph: Graph, ids: Value, name: string, vocabulary: number, width: number): Value {
  const entry = graph.stored(name, [vocabulary, width]);
  const dims = [...ids.dims, width];
  if (entry.kind !== 'int8') return graph.node('Gather', [graph.weight(name, [vocabulary, width]), ids], dims);
  const rows = graph.external(name, 'int8', [vocabulary, width], entry.file, entry.data);
  const scales = graph.external(`${name}:scale`, 'float32', [vocabulary, 1], entry.file, entry.scale);
  const row = graph.cast(graph.node('Gather', [rows, ids], dims), 'float32');
  const scale = graph.node('Gather', [scales, ids], [...ids.dims, 1]);
  return graph.cast(graph.multiply(row, scale), graph.compute);
}

/** softmax(q kᵀ / √d + bias) v with `heads` heads. q is [B,S,H], k and v are [B,T,H], bias [1,1,S,T] → [B,S,H]. */
export function attention(graph: Graph, query: Value, key: Value, value: Value, heads: number, bias?: Value): Value {
  const inputs = bias ? [query, key, value, undefined, undefined, bias] : [query, key, value];
  return graph.node('MultiHeadAttention', inputs, query.dims, {
    domain: 'com.microsoft',
    attributes: { num_heads: heads },
  });
}

/** GEGLU, [...,2n] → [...,n]: the first half times the GELU of the second (Shazeer, arXiv:2002.05202). */
export function geglu(graph: Graph, x: Value): Value {
  const axis = x.dims.length - 1;
  const half = (x.dims[axis] ?? 0) / 2;
  const [hidden, gate] = graph.split(x, axis, [half, half]) as [Value, Value];
  return graph.multiply(hidden, graph.gelu(gate));
}

/**
 * 1×1 convolution and toTokens, [B,C,H,W] → [B,H·W,channels]: for one image a single product that reads the image as
 * transposed.
 */
export function projectToTokens(graph: Graph, x: Value, name: string, channels: number): Value {
  const [batch = 1, inputs = 1, height = 1, width = 1] = x.dims;
  const pixels = height * width;
  const weights = batch === 1 ? pointwiseWeights(graph, name, channels, inputs) : undefined;
  if (!weights) return toTokens(graph, conv(graph, x, name, channels, { kernel: 1 }));
  const factors = [graph.reshape(x, [inputs, pixels]), weights, graph.weight(`${name}.bias`, [channels])];
  const tokens = graph.node('Gemm', factors, [pixels, channels], { attributes: { transA: 1, transB: 1 } });
  return graph.reshape(tokens, [1, pixels, channels]);
}

/** fromTokens and 1×1 convolution, [B,H·W,C] → [B,channels,H,W]; for one image a single product as above. */
export function projectFromTokens(
  graph: Graph,
  x: Value,
  name: string,
  [channels, height, width]: readonly [number, number, number],
): Value {
  const [batch = 1, pixels = 1, inputs = 1] = x.dims;
  const weights = batch === 1 ? pointwiseWeights(graph, name, channels, inputs) : undefined;
  if (!weights) return conv(graph, fromTokens(graph, x, height, width), name, channels, { kernel: 1 });
  const bias = graph.weight(`${name}.bias`, [channels], [channels, 1]);
  const factors = [weights, graph.reshape(x, [pixels, inputs]), bias];
  const image = graph.node('Gemm', factors, [channels, pixels], { attributes: { transB: 1 } });
  return graph.reshape(image, [1, channels, height, width]);
}

/** [B,C,H,W] → [B,H·W,C]. */
export function toTokens(graph: Graph, x: Value): Value {
  const [batch = 1, channels = 1, height = 1, width = 1] = x.dims;
  return graph.transpose(graph.reshape(x, [batch, channels, height * width]), [0, 2, 1]);
}

/** [B,H·W,C] → [B,C,H,W]. */
export function fromTokens(graph: Graph, x: Value, height: number, width: number): Value {
  const [batch = 1, , channels = 1] = x.dims;
  return graph.reshape(graph.transpose(x, [0, 2, 1]), [batch, channels, height, width]);
}

function biasOf(graph: Graph, name: string, length: number, bias: boolean | Value): Value | undefined {
  if (typeof bias === 'object') return bias;
  return bias ? graph.weight(`${name}.bias`, [length]) : undefined;
}

/** Weights of a 1×1 convolution as a matrix; undefined where they are n-bit blocks, which no general product reads. */
function pointwiseWeights(graph: Graph, name: string, channels: number, inputs: number): Value | undefined {
  const entry = graph.stored(`${name}.weight`, [channels, inputs, 1, 1]);
  if (entry.kind === 'nbits') return undefined;
  return graph.reshape(dequantised(graph, `${name}.weight`, entry), [channels, inputs]);
}

type NbitsEntry = Extract<TensorEntry, { kind: 'nbits' }>;

/** x · Wᵀ + b by com.microsoft.MatMulNBits, symmetric (no zero points). */
function product(graph: Graph, x: Value, name: string, entry: NbitsEntry, features: number, bias?: Value): Value {
  const inner = x.dims.at(-1) ?? 1;
  const { bits, blockSize } = entry;
  const blocks = Math.ceil(inner / blockSize);
  const quants = graph.external(name, 'uint8', [features, blocks, (blockSize * bits) / 8], entry.file, entry.data);
  const scale = graph.external(`${name}:scale`, 'float32', [features * blocks], entry.file, entry.scale);
  const attributes = { K: inner, N: features, bits, block_size: blockSize };
  const inputs = [x, quants, graph.castInitializer(scale), ...(bias ? [undefined, undefined, bias] : [])];
  return graph.node('MatMulNBits', inputs, [...x.dims.slice(0, -1), features], {
    domain: 'com.microsoft',
    attributes,
  });
}

/** A weight as floats of the compute type; int8 stays packed in memory and is unpacked by DequantizeLinear at run time. */
function dequantised(graph: Graph, name: string, entry: TensorEntry): Value {
  if (entry.kind !== 'int8') return graph.weight(name, entry.dims);
  const quants = graph.external(name, 'int8', entry.dims, entry.file, entry.data);
  const scale = graph.external(`${name}:scale`, 'float32', [entry.dims[0] ?? 1], entry.file, entry.scale);
  const inputs = [quants, graph.castInitializer(scale)];
  return graph.node('DequantizeLinear', inputs, entry.dims, { type: graph.compute, attributes: { axis: 0 } });
}
