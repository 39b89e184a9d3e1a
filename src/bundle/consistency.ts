/** What no single field of a manifest tells: numbers that have to fit each other. */
import { AppError } from '../domain/errors.ts';
import type { BundleManifest } from './manifest.ts';

/** Throws AppError `bundle-invalid` naming every pair of fields that contradict each other. */
export function checkConsistency({ latent, native, schedule }: BundleManifest): void {
  const { steps, guidance } = schedule;
  const problems: string[] = [];
  const need = (holds: boolean, problem: string): void => {
    if (!holds) problems.push(problem);
  };
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
