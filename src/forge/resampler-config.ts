/** The resampler's constructor arguments, which published adapter files (`image_proj.*`) do not tell. */
import { AppError } from '../domain/errors.ts';

/** Width of one attention head; fixed, as in diffusers 0.42 (`_convert_ip_adapter_image_proj_to_diffusers`). */
const HEAD_WIDTH = 64;

/**
 * Read off the tensors' shapes by name. Throws AppError `weights-invalid` naming the first tensor that is missing or has
 * no such shape.
 */
export function resamplerConfig(shapes: ReadonlyMap<string, readonly number[]>) {
  const dim = (name: string, axis: number, rank: number): number => {
    const dims = shapes.get(`image_proj.${name}`);
    if (dims?.length !== rank) {
      const found = dims === undefined ? 'missing' : `of shape [${dims.join(', ')}]`;
      throw new AppError(
        'weights-invalid',
        `image_proj.${name} is ${found}; this is not an IP-Adapter-plus file, or it is damaged.`,
        { details: { tensor: `image_proj.${name}` } },
      );
    }
    return dims[axis] ?? 0;
  };
  const width = dim('latents', 2, 3);
  const layers = [...shapes.keys()].flatMap((name) => /^image_proj\.layers\.(\d+)\./.exec(name)?.[1] ?? []);
  return {
    dim: width,
    depth: new Set(layers).size,
    dim_head: HEAD_WIDTH,
    heads: dim('layers.0.0.to_q.weight', 0, 2) / HEAD_WIDTH,
    num_queries: dim('latents', 1, 3),
    embedding_dim: dim('proj_in.weight', 1, 2),
    output_dim: dim('proj_out.weight', 0, 2),
    ff_mult: dim('layers.0.1.1.weight', 0, 2) / width,
  };
}
