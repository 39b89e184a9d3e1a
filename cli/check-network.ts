/** The forge's question "can this network be built of these tensors?", answered by the graph builders themselves. */
import * as v from 'valibot';
import { isAppError } from '../src/domain/errors.ts';
import type { CheckNetwork } from '../src/forge/network-parts.ts';
import { buildNetwork } from '../src/networks/build-network.ts';
import type { InputDims } from '../src/networks/input-dims.ts';
import { crossAttentionLayers, packedWidth, readUnetConfig } from '../src/networks/unet-config.ts';

/** `weights-invalid` details of a graph under construction. */
const problemsSchema = v.array(v.object({ name: v.string(), problem: v.string() }));

/** Throws AppError `bundle-invalid` when the configuration itself is not supported. */
export const checkNetwork: CheckNetwork = ({ role, ...spec }, tensors) => {
  const dims = smallestDims(role, spec.config);
  const problems = (index: typeof tensors): { name: string; problem: string }[] => {
    try {
      buildNetwork(role, spec, index, dims, 'float32');
      return [];
    } catch (error) {
      if (!isAppError(error, 'weights-invalid')) throw error;
      return v.parse(problemsSchema, error.details['problems']);
    }
  };
  // Building with nothing complains about every tensor there should be.
  const wanted = new Set(problems({}).map(({ name }) => name));
  const unexpected = Object.keys(tensors).filter((name) => !wanted.has(name));
  return [
    ...problems(tensors).map(({ name, problem }) => `${name}: ${problem}`),
    ...unexpected.map((name) => `${name}: not a tensor of this network`),
  ];
};

/** Input shapes that the network accepts; small, because only names and shapes of weights matter here. */
function smallestDims(role: string, config: Record<string, unknown>): InputDims {
  const side = 8;
  switch (role) {
    case 'textEncoder':
      return { input_ids: [1, 2] };
    case 'conditioner': {
      const { unet, adapter } = v.parse(conditionerSchema, config);
      const { textWidth, ...rest } = readUnetConfig(unet);
      const layers = crossAttentionLayers({ textWidth, ...rest });
      const { embedding, tokens } = adapter;
      const face = embedding === undefined ? { face_tokens: [1, tokens, textWidth] } : { face: [1, embedding] };
      return { text: [1, 2, textWidth], ...face, face_scale: [layers.length] };
    }
    case 'denoiser': {
      const unet = readUnetConfig(config);
      const packed = packedWidth(crossAttentionLayers(unet));
      return {
        sample: [1, unet.in_channels, side, side],
        timestep: [1],
        text_kv: [1, 2, packed],
        face_kv: [1, 1, packed],
        ...(unet.time_cond_proj_dim && { timestep_cond: [1, unet.time_cond_proj_dim] }),
      };
    }
    case 'imageEncoder': {
      const { num_channels: channels, image_size: size } = v.parse(imageSchema, config);
      return { pixel_values: [1, channels, size, size] };
    }
    case 'resampler':
      return { hidden_states: [1, 1, v.parse(resamplerSchema, config).embedding_dim] };
    case 'latentEncoder':
      return { image: [1, 3, 16 * side, 16 * side] };
    case 'latentDecoder':
      return { latent: [1, v.parse(latentSchema, config).latent_channels, side, side] };
    default:
      return {};
  }
}

const conditionerSchema = v.object({
  unet: v.record(v.string(), v.unknown()),
  adapter: v.object({ tokens: v.number(), embedding: v.optional(v.number()) }),
});
const imageSchema = v.object({ num_channels: v.optional(v.number(), 3), image_size: v.optional(v.number(), 224) });
const resamplerSchema = v.object({ embedding_dim: v.number() });
const latentSchema = v.object({ latent_channels: v.optional(v.number(), 4) });
