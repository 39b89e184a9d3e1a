/** ResnetBlock2D of diffusers 0.42: the block that UNet and autoencoder are made of. */
import type { Graph, Value } from './graph.ts';
import { conv, groupNorm, linear } from './layers.ts';

export interface ResnetOptions {
  readonly groups: number;
  readonly epsilon: number;
  /** Activated time embedding [1 or b, width], added between the convolutions; autoencoders have none. */
  readonly time?: Value;
}

/** [b,c,h,w] → [b,channels,h,w]: twice GroupNorm, SiLU and 3×3 convolution, and a shortcut (1×1 where the width changes). */
export function resnet(graph: Graph, x: Value, name: string, channels: number, options: ResnetOptions): Value {
  const { groups, epsilon, time } = options;
  const norm = (y: Value, part: string) => graph.silu(groupNorm(graph, y, `${name}.${part}`, groups, epsilon));
  let y = norm(x, 'norm1');
  if (time === undefined) y = conv(graph, y, `${name}.conv1`, channels, { kernel: 3 });
  else if (time.dims[0] === 1)
    y = conv(graph, y, `${name}.conv1`, channels, { kernel: 3, bias: timeBias(graph, time, name, channels) });
  else {
    const added = linear(graph, time, `${name}.time_emb_proj`, channels);
    y = graph.add(
      conv(graph, y, `${name}.conv1`, channels, { kernel: 3 }),
      graph.reshape(added, [...added.dims, 1, 1]),
    );
  }
  y = conv(graph, norm(y, 'norm2'), `${name}.conv2`, channels, { kernel: 3 });
  const shortcut = x.dims[1] === channels ? x : conv(graph, x, `${name}.conv_shortcut`, channels, { kernel: 1 });
  return graph.add(shortcut, y);
}

/**
 * The time embedding shifts whole channels, so with one row for all images it is a bias of the convolution [channels]. The
 * stored biases of projection and convolution are constants, which onnxruntime adds when the session loads.
 */
function timeBias(graph: Graph, time: Value, name: string, channels: number): Value {
  const stored = ['time_emb_proj', 'conv1'].map((part) => graph.weight(`${name}.${part}.bias`, [channels]));
  const [ofTime, ofConv] = stored as [Value, Value];
  const bias = linear(graph, time, `${name}.time_emb_proj`, channels, graph.add(ofTime, ofConv));
  return graph.reshape(bias, [channels]);
}
