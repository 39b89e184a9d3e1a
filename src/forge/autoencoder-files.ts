/** The autoencoder of a checkpoint: the base's own, another one in the diffusers layout, or the original TAESD pair. */
import * as v from 'valibot';
import { AppError } from '../domain/errors.ts';
import { openConfig, openFolderWeights, shownPath, type CheckpointFolder, type FileOpener } from './folder-files.ts';
import { renameKl } from './kl-names.ts';
import { openWeights } from './open-weights.ts';
import type { Problems } from './problems.ts';
import { renameTaesd, taesdConfig, type TaesdPart } from './taesd-names.ts';
import type { WeightSource } from './weight-source.ts';

/** A folder with config.json and weights, or TAESD's original encoder and decoder files in any order. */
export type AutoencoderInput = CheckpointFolder | readonly FileOpener[];

export interface Autoencoder {
  readonly className: string;
  readonly config: Record<string, unknown>;
  /** Where each tensor lies, by the name that diffusers gives it. */
  readonly tensors: ReadonlyMap<string, { readonly source: WeightSource; readonly name: string }>;
  /** Pixels per latent cell. */
  readonly downscale: number;
  readonly latentChannels: number;
  /** Denoiser latent = (encoder output − shift) · factor. */
  readonly factor: number;
  readonly shift: number;
}

const positive = v.pipe(v.number(), v.integer(), v.minValue(1));
const facts = v.object({
  _class_name: v.string(),
  latent_channels: v.optional(positive, 4),
  scaling_factor: v.optional(v.number()),
  shift_factor: v.optional(v.nullable(v.number()), 0),
  /** AutoencoderKL. */
  block_out_channels: v.optional(v.array(positive)),
  /** AutoencoderTiny. */
  decoder_block_out_channels: v.optional(v.array(positive), [64, 64, 64, 64]),
  upsampling_scaling_factor: v.optional(positive, 2),
  /** AutoencoderNarrow. */
  downscale: v.optional(positive),
});

/** diffusers' own default of AutoencoderKL, which the configs of SD1.x leave out; the other classes have 1. */
const KL_FACTOR = 0.18215;

export async function openAutoencoder(
  given: AutoencoderInput | undefined,
  base: CheckpointFolder,
  problems: Problems,
): Promise<Autoencoder | undefined> {
  if (given !== undefined && !('open' in given)) return openTaesd(given);
  const [folder, inside] = given === undefined ? [base, 'vae/'] : [given, ''];
  const path = `${inside}config.json`;
  const config = await openConfig(folder, path, v.record(v.string(), v.unknown()), problems);
  const read = config && problems.parse(shownPath(folder, path), facts, config);
  const weights = await problems.collect(() => openFolderWeights(folder, inside, 'diffusers'));
  if (config === undefined || read === undefined || weights === undefined) return undefined;
  const tensors = new Map([...weights.shapes.keys()].map((name) => [renameKl(name), { source: weights, name }]));
  return {
    className: read._class_name,
    config,
    tensors,
    downscale: downscaleOf(read),
    latentChannels: read.latent_channels,
    factor: read.scaling_factor ?? (read._class_name === 'AutoencoderKL' ? KL_FACTOR : 1),
    shift: read.shift_factor ?? 0,
  };
}

function downscaleOf(config: v.InferOutput<typeof facts>): number {
  if (config.downscale !== undefined) return config.downscale;
  if (config._class_name === 'AutoencoderTiny') {
    return config.upsampling_scaling_factor ** (config.decoder_block_out_channels.length - 1);
  }
  return 2 ** ((config.block_out_channels?.length ?? 4) - 1);
}

/** The original encoder and decoder, in any order: the encoder's first layer takes a picture, the decoder's a latent. */
async function openTaesd(files: readonly FileOpener[]): Promise<Autoencoder> {
  const parts: Partial<Record<TaesdPart, WeightSource>> = {};
  for (const file of files) {
    const weights = await openWeights(await file());
    const part = taesdPart(weights);
    if (part === undefined) {
      throw new AppError(
        'weights-invalid',
        `${weights.name} is no original TAESD file; give taesd_encoder and taesd_decoder, or a folder in the diffusers layout.`,
      );
    }
    parts[part] = weights;
  }
  const { encoder, decoder } = parts;
  if (encoder === undefined || decoder === undefined || files.length !== 2) {
    throw new AppError(
      'weights-invalid',
      '--autoencoder with files needs both halves of TAESD: --autoencoder taesd_encoder.safetensors --autoencoder taesd_decoder.safetensors.',
    );
  }
  const tensors = new Map<string, { source: WeightSource; name: string }>();
  for (const [part, source] of [
    ['encoder', encoder],
    ['decoder', decoder],
  ] as const) {
    for (const name of source.shapes.keys()) tensors.set(renameTaesd(name, part), { source, name });
  }
  const latentChannels = firstLayer(decoder)?.[1] ?? 4;
  const config = taesdConfig(latentChannels);
  return {
    className: config._class_name,
    config,
    tensors,
    downscale: 2 ** (config.decoder_block_out_channels.length - 1),
    latentChannels,
    factor: config.scaling_factor,
    shift: config.shift_factor,
  };
}

function taesdPart(weights: WeightSource): TaesdPart | undefined {
  const inputs = firstLayer(weights)?.[1];
  // The decoder's Sequential begins with a clamp, so its first layer has the number 1.
  if (weights.shapes.has('0.weight')) {
    return inputs === 3 ? 'encoder' : undefined;
  }
  return inputs === undefined ? undefined : 'decoder';
}

function firstLayer({ shapes }: WeightSource): readonly number[] | undefined {
  return shapes.get('0.weight') ?? shapes.get('1.weight');
}
