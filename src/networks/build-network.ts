import { AppError } from '../domain/errors.ts';
import type { Role } from '../domain/ports.ts';
import type { NetworkSpec } from '../bundle/manifest.ts';
import type { TensorIndex } from '../bundle/weight-index.ts';
import { buildClipText } from './clip-text.ts';
import { buildClipVision } from './clip-vision.ts';
import { buildConditioner } from './conditioner.ts';
import type { BuiltGraph, ComputeType } from './graph.ts';
import type { InputDims } from './input-dims.ts';
import { buildKlDecoder, buildKlEncoder } from './kl-autoencoder.ts';
import { buildNarrowDecoder, buildNarrowEncoder } from './narrow-autoencoder.ts';
import { buildResampler } from './resampler.ts';
import { buildTinyDecoder, buildTinyEncoder } from './tiny-autoencoder.ts';
import { buildUnet } from './unet.ts';

type Builder = (config: unknown, tensors: TensorIndex, dims: InputDims, compute: ComputeType) => BuiltGraph;

/** A network that is built from its class and config (the other kind is an ONNX file). */
export type GraphNetworkSpec = Extract<NetworkSpec, { class: string }>;

const BUILDERS: Partial<Record<Role, Readonly<Record<string, Builder>>>> = {
  /** Config: text_encoder/config.json, and `clip_skip`. */
  textEncoder: { CLIPTextModel: buildClipText },
  /** Config: image_encoder/config.json. */
  imageEncoder: { CLIPVisionModelWithProjection: buildClipVision },
  /** Config: the constructor arguments of IP-Adapter's Resampler. */
  resampler: { Resampler: buildResampler },
  /** Config: `{ unet: unet/config.json, adapter }`. */
  conditioner: { FaceConditioner: buildConditioner },
  /** Config: unet/config.json. */
  denoiser: { UNet2DConditionModel: buildUnet },
  /** Config: vae/config.json. */
  latentEncoder: {
    AutoencoderKL: buildKlEncoder,
    AutoencoderTiny: buildTinyEncoder,
    AutoencoderNarrow: buildNarrowEncoder,
  },
  latentDecoder: {
    AutoencoderKL: buildKlDecoder,
    AutoencoderTiny: buildTinyDecoder,
    AutoencoderNarrow: buildNarrowDecoder,
  },
};

/**
 * ONNX model of one role for exactly these input shapes. Inputs and outputs are float32 (ids int32) whatever `compute`
 * is; all weights are external data in the bundle's own files.
 *
 * Throws AppError `bundle-invalid` (unknown class, unsupported config), `weights-invalid` (all missing or ill-fitting
 * tensors at once), `graph-invalid` (input shapes that do not fit).
 */
export function buildNetwork(
  role: Role,
  spec: GraphNetworkSpec,
  tensors: TensorIndex,
  inputDims: InputDims,
  compute: ComputeType,
): BuiltGraph {
  const builders = BUILDERS[role] ?? {};
  const builder = builders[spec.class];
  if (builder === undefined) {
    const known = Object.keys(builders).join(', ') || 'none: this role needs an ONNX file';
    throw new AppError(
      'bundle-invalid',
      `networks.${role}: class ${spec.class} cannot be built; known here: ${known}.`,
    );
  }
  return builder(spec.config, tensors, inputDims, compute);
}
