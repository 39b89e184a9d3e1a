/** AutoencoderNarrow of models/starter/autoencoder.py: a convolutional f = 8 network, its latents packed to f = 16. */
import * as v from 'valibot';
import { AppError } from '../domain/errors.ts';
import type { TensorIndex } from '../bundle/weight-index.ts';
import { Graph, type BuiltGraph, type ComputeType, type Value } from './graph.ts';
import { requireDims, type InputDims } from './input-dims.ts';
import { conv } from './layers.ts';
import { count, positive, readConfig } from './read-config.ts';

const schema = v.object({
  in_channels: positive,
  out_channels: positive,
  base_channels: positive,
  encoder_widths: v.array(positive),
  encoder_blocks: v.array(count),
  decoder_widths: v.array(positive),
  decoder_blocks: v.array(count),
});

/** Side of the cells whose mean colour goes past the network. */
const CELL = 8;
/** Side of the squares of base latents that are packed into one. */
const PACK = 2;

/** image [b,3,H,W] in [-1,1], H and W multiples of 16 → latent [b,4·base,H/16,W/16]. */
export function buildNarrowEncoder(
  config: unknown,
  tensors: TensorIndex,
  dims: InputDims,
  compute: ComputeType,
): BuiltGraph {
  const read = readNarrowConfig(config);
  const graph = new Graph('latentEncoder', tensors, compute);
  const imageDims = requireDims(dims, 'latentEncoder', 'image', [null, read.in_channels, null, null]);
  const [batch = 1, channels = 1, height = 1, width = 1] = imageDims;
  if (height % (CELL * PACK) !== 0 || width % (CELL * PACK) !== 0) {
    throw new AppError(
      'graph-invalid',
      `latentEncoder: the image is ${width}×${height}; its sides must be multiples of ${CELL * PACK}.`,
    );
  }
  const image = graph.floatInput('image', imageDims);
  const halve = { kernel: 4, stride: 2, padding: 1 };
  let x = graph.relu(conv(graph, image, 'encoder.stem', read.encoder_widths[0] ?? 0, halve));
  read.encoder_widths.forEach((w, i) => {
    if (i > 0) x = graph.relu(conv(graph, x, `encoder.levels.${i}.resize`, w, halve));
    x = blocks(graph, x, `encoder.levels.${i}`, w, read.encoder_blocks[i] ?? 0);
  });
  const cells = graph.node('AveragePool', [image], [batch, channels, height / CELL, width / CELL], {
    attributes: { kernel_shape: [CELL, CELL], strides: [CELL, CELL] },
  });
  const colour = conv(graph, cells, 'encoder.colour', read.base_channels, { kernel: 1 });
  const base = graph.add(conv(graph, x, 'encoder.head', read.base_channels, { kernel: 3 }), colour);
  graph.output('latent', pixelUnshuffle(graph, base, PACK));
  return graph.finish();
}

/** latent [b,4·base,h,w] → image [b,3,16h,16w], about [-1,1], not clamped. */
export function buildNarrowDecoder(
  config: unknown,
  tensors: TensorIndex,
  dims: InputDims,
  compute: ComputeType,
): BuiltGraph {
  const read = readNarrowConfig(config);
  const graph = new Graph('latentDecoder', tensors, compute);
  const latentDims = requireDims(dims, 'latentDecoder', 'latent', [null, read.base_channels * PACK * PACK, null, null]);
  const base = pixelShuffle(graph, graph.floatInput('latent', latentDims), PACK);
  let x = graph.relu(conv(graph, base, 'decoder.stem', read.decoder_widths[0] ?? 0, { kernel: 1 }));
  read.decoder_widths.forEach((width, i) => {
    const [, , h = 1, w = 1] = x.dims;
    if (i > 0) {
      x = graph.relu(
        conv(graph, graph.resizeNearest(x, h * 2, w * 2), `decoder.levels.${i}.resize`, width, { kernel: 3 }),
      );
    }
    x = blocks(graph, x, `decoder.levels.${i}`, width, read.decoder_blocks[i] ?? 0);
  });
  const fine = pixelShuffle(graph, conv(graph, x, 'decoder.head', read.out_channels * 4, { kernel: 3 }), 2);
  const colour = conv(graph, base, 'decoder.colour', read.out_channels, { kernel: 1 });
  const [, , height = 1, width = 1] = fine.dims;
  graph.output('image', graph.add(fine, graph.resizeNearest(colour, height, width)));
  return graph.finish();
}

function readNarrowConfig(config: unknown): v.InferOutput<typeof schema> {
  const read = readConfig(schema, config, 'AutoencoderNarrow');
  for (const part of ['encoder', 'decoder'] as const) {
    if (read[`${part}_widths`].length !== 3 || read[`${part}_blocks`].length !== 3) {
      throw new AppError(
        'bundle-invalid',
        `The configuration of AutoencoderNarrow is not supported: ${part}_widths and ${part}_blocks need three levels each (downscale 16).`,
      );
    }
  }
  return read;
}

/** Residual pairs of 3×3 convolutions: ReLU(x + conv2(ReLU(conv1(x)))). */
function blocks(graph: Graph, x: Value, level: string, channels: number, count: number): Value {
  let y = x;
  for (let j = 0; j < count; j++) {
    const hidden = graph.relu(conv(graph, y, `${level}.blocks.${j}.conv1`, channels, { kernel: 3 }));
    y = graph.relu(graph.add(y, conv(graph, hidden, `${level}.blocks.${j}.conv2`, channels, { kernel: 3 })));
  }
  return y;
}

/** [B,C,H,W] → [B,C·r²,H/r,W/r], channel c·r² + dy·r + dx: PyTorch's order, which SpaceToDepth does not have. */
function pixelUnshuffle(graph: Graph, x: Value, r: number): Value {
  const [batch = 1, channels = 1, height = 1, width = 1] = x.dims;
  const squares = graph.reshape(x, [batch * channels, height / r, r, width / r, r]);
  return graph.reshape(graph.transpose(squares, [0, 2, 4, 1, 3]), [batch, channels * r * r, height / r, width / r]);
}

/** The inverse: [B,C·r²,H,W] → [B,C,H·r,W·r]. */
function pixelShuffle(graph: Graph, x: Value, r: number): Value {
  const [batch = 1, packed = 1, height = 1, width = 1] = x.dims;
  const channels = packed / (r * r);
  const squares = graph.reshape(x, [batch * channels, r, r, height, width]);
  return graph.reshape(graph.transpose(squares, [0, 3, 1, 4, 2]), [batch, channels, height * r, width * r]);
}
