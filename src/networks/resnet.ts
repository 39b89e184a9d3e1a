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
  let y = conv(graph, norm(x, 'norm1'), `${name}.conv1`, channels, { kernel: 3 });
  if (time) {
    const shift = linear(graph, time, `${name}.time_emb_proj`, channels);
    y = graph.add(y, graph.reshape(shift, [shift.dims[0] ?? 1, channels, 1, 1]));
  }
  y = conv(graph, norm(y, 'norm2'), `${name}.conv2`, channels, { kernel: 3 });
  const shortcut = x.dims[1] === channels ? x : conv(graph, x, `${name}.conv_shortcut`, channels, { kernel: 1 });
  return graph.add(shortcut, y);
}
