/**
 * The original TAESD files (madebyollin/taesd 5cccb12: taesd_encoder, taesd_decoder and their kin with 16 latent
 * channels) in the names of diffusers' AutoencoderTiny. Both are the same Sequential, except that the original decoder's
 * first entry is the clamp, which diffusers does outside. The originals see images in [0,1] and latents in the denoiser's
 * own units; AutoencoderTiny maps images from and to [-1,1] itself, so weights are the same and the latent has no factor.
 */
export type TaesdPart = 'encoder' | 'decoder';

const CLAMPS = { encoder: 0, decoder: 1 } as const;

/** AutoencoderTiny's name of one tensor of an original file; names that are diffusers' already stay as they are. */
export function renameTaesd(name: string, part: TaesdPart): string {
  const [, index, rest] = /^(?:taesd_(?:en|de)coder\.)?(\d+)\.(.+)$/.exec(name) ?? [];
  return index === undefined || rest === undefined ? name : `${part}.layers.${Number(index) - CLAMPS[part]}.${rest}`;
}

/** The config.json that the originals do not have; their latents need no scaling. */
export function taesdConfig(latentChannels: number) {
  return {
    _class_name: 'AutoencoderTiny',
    in_channels: 3,
    out_channels: 3,
    latent_channels: latentChannels,
    encoder_block_out_channels: [64, 64, 64, 64],
    decoder_block_out_channels: [64, 64, 64, 64],
    num_encoder_blocks: [1, 3, 3, 3],
    num_decoder_blocks: [3, 3, 3, 1],
    scaling_factor: 1,
    shift_factor: 0,
  };
}
