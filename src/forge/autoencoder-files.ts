/** The autoencoder of a checkpoint: the base's own, another one in the diffusers layout, or the original TAESD pair. */
import * as v from 'valibot';
import { AppError } from '../domain/errors.ts';
import { openConfig, openFolderWeights, shownPath, type CheckpointFolder, type FileOpener } from './folder-files.ts';
import type { Problems } from './problems.ts';
import { openSafetensors, type WeightSource } from './safetensors.ts';

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
  const weights = await problems.collect(() => openFolderWeights(folder, inside));
  if (config === undefined || read === undefined || weights === undefined) return undefined;
  const tensors = new Map([...weights.shapes.keys()].map((name) => [currentName(name), { source: weights, name }]));
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

/** SD1.x's autoencoder was published before diffusers renamed its attention. */
function currentName(name: string): string {
  return name.replace(/(\.attentions\.\d+)\.(query|key|value|proj_attn)\./, (_, place: string, part: string) => {
    return `${place}.${{ query: 'to_q', key: 'to_k', value: 'to_v', proj_attn: 'to_out.0' }[part]!}.`;
  });
}

async function openTaesd(files: readonly FileOpener[]): Promise<Autoencoder> {
  const sources: WeightSource[] = [];
  for (const file of files) sources.push(await openSafetensors(await file()));
  throw new AppError('weights-invalid', `${sources.map(({ name }) => name).join(', ')}: not read yet`);
}
