/** What no single field of a manifest tells: numbers that have to fit each other. */
import { AppError } from '../domain/errors.ts';
import type { BundleManifest } from './manifest.ts';

/** Throws AppError `bundle-invalid` naming every pair of fields that contradict each other. */
export function checkConsistency({ face, latent, native, networks, schedule }: BundleManifest): void {
  const { steps, guidance } = schedule;
  const problems: string[] = [];
  const need = (holds: boolean, problem: string): void => {
    if (!holds) problems.push(problem);
  };
  const clipRoute = [face.image, networks.imageEncoder, networks.resampler].filter((part) => part !== undefined);
  need(
    clipRoute.length === 0 || clipRoute.length === 3,
    'face.image, networks.imageEncoder and networks.resampler belong together: all or none',
  );
  need(
    face.embedding !== undefined || (face.image !== undefined && face.encoder === undefined),
    'face.embedding has to be there for a face encoder or a projection of its embedding',
  );
  const denoiser = networks.denoiser && 'class' in networks.denoiser ? networks.denoiser.config : {};
  need(
    [undefined, latent.channels].includes(denoiser['in_channels'] as number | undefined),
    `networks.denoiser.config.in_channels (${String(denoiser['in_channels'])}) has to be latent.channels (${latent.channels}): models with more inputs (inpainting) cannot be run`,
  );
  need(
    (denoiser['time_cond_proj_dim'] ?? null) === null,
    'networks.denoiser.config.time_cond_proj_dim: models with an embedded guidance cannot be run; use the base model with an LCM-LoRA',
  );
  need(
    native.multiple % latent.downscale === 0,
    `native.multiple (${native.multiple}) has to be a multiple of latent.downscale (${latent.downscale})`,
  );
  need(
    latent.preview.matrix.every((row) => row.length === latent.channels),
    `latent.preview.matrix has to have ${latent.channels} numbers per row, one for each of latent.channels`,
  );
  need(
    steps.min <= steps.default && steps.default <= steps.max,
    `schedule.steps has to be ordered: min (${steps.min}), default (${steps.default}), max (${steps.max})`,
  );
  need(
    [guidance.default, guidance.smallestUseful].every((value) => 1 <= value && value <= guidance.max),
    `schedule.guidance: default (${guidance.default}) and smallestUseful (${guidance.smallestUseful}) have to lie from 1 to max (${guidance.max})`,
  );
  if (problems.length === 0) return;
  throw new AppError('bundle-invalid', `bundle.json: ${problems.join('; ')}. Compile the bundle again.`, {
    details: { file: 'bundle.json', fields: problems },
  });
}
