import { AppError } from '../../domain/errors.ts';
import type { SessionRunner } from '../../domain/ports.ts';
import { float32Tensor } from '../../domain/tensor.ts';
import { pauseForMessages } from '../cancellation.ts';
import { combine, type Scheduler } from '../schedulers/scheduler.ts';
import { readFloats } from '../tensor-reading.ts';
import type { Condition } from './conditioning.ts';

/** How the unconditional pass is made: not at all, in a run of its own, or as second row of the same run. */
export type GuidancePasses =
  | { readonly kind: 'none'; readonly condition: Condition }
  | { readonly kind: 'sequential'; readonly condition: Condition; readonly unconditional: Condition }
  | { readonly kind: 'together'; readonly both: Condition };

export interface Denoising {
  readonly runner: SessionRunner;
  /** A fresh one: multistep schedulers remember. */
  readonly scheduler: Scheduler;
  /** Descending. */
  readonly timesteps: readonly number[];
  /** `[channels, height, width]` of the latent. */
  readonly shape: readonly [number, number, number];
  /** The reference's latent, or null to start from pure noise. */
  readonly start: Float32Array | null;
  readonly passes: GuidancePasses;
  readonly guidanceScale: number;
  /** Fills an array with N(0, 1); draw 0 = start, k + 1 = step k. */
  readonly noise: (draw: number, out: Float32Array) => void;
  /** Where the reference's latent is kept (mask 0) or given up (mask 1); per latent cell. */
  readonly background: { readonly mask: Float32Array; readonly latent: Float32Array } | null;
  /** After each step, with the estimate of the finished latent (overwritten by the next step). */
  readonly onStep: (step: number, clean: Float32Array) => void;
  readonly signal: AbortSignal | undefined;
}

/**
 * From noise to a finished latent. Guidance: u + g·(c − u) (Ho & Salimans, arXiv:2207.12598).
 * Throws AppError `cancelled` between steps, `graph-invalid` when the denoiser's numbers are not finite.
 */
export async function denoise(run: Denoising): Promise<Float32Array> {
  const { scheduler, timesteps, start } = run;
  const size = run.shape[0] * run.shape[1] * run.shape[2];
  const first = timesteps[0]!;
  const startNoise = new Float32Array(size);
  run.noise(0, startNoise);

  const sample = new Float32Array(size);
  if (start) scheduler.addNoise(start, startNoise, first, sample);
  else combine(scheduler.initialSigma(first), startNoise, 0, startNoise, sample);

  const clean = new Float32Array(size);
  const stepNoise = new Float32Array(size);
  const kept = new Float32Array(size);
  for (let k = 0; k < timesteps.length; k++) {
    await pauseForMessages(run.signal);
    const t = timesteps[k]!;
    const tPrev = timesteps[k + 1] ?? -1;
    const modelOutput = await predict(run, sample, t);
    if (scheduler.usesStepNoise(tPrev)) run.noise(k + 1, stepNoise);
    scheduler.step({ modelOutput, sample, t, tPrev, noise: stepNoise, out: sample, clean });
    if (run.background) {
      scheduler.addNoise(run.background.latent, startNoise, tPrev, kept);
      keepOutside(sample, kept, run.background.mask);
      keepOutside(clean, run.background.latent, run.background.mask);
    }
    run.onStep(k, clean);
  }
  if (!sample.every(Number.isFinite)) {
    throw new AppError(
      'graph-invalid',
      'The denoiser gave numbers that are not finite; try another backend or precision.',
    );
  }
  return sample;
}

/** The denoiser's answer for one noise level, guidance applied. */
async function predict(run: Denoising, sample: Float32Array, t: number): Promise<Float32Array> {
  const scale = run.scheduler.inputScale(t);
  const input = scale === 1 ? sample.slice() : sample.map((value) => value * scale);
  const { passes } = run;
  if (passes.kind === 'together') {
    const doubled = new Float32Array(2 * input.length);
    doubled.set(input);
    doubled.set(input, input.length);
    const both = await runDenoiser(run, doubled, 2, t, passes.both);
    return guide(both.subarray(0, input.length), both.subarray(input.length), run.guidanceScale);
  }
  const conditional = await runDenoiser(run, input, 1, t, passes.condition);
  if (passes.kind === 'none') return conditional;
  const unconditional = await runDenoiser(run, input, 1, t, passes.unconditional);
  return guide(conditional, unconditional, run.guidanceScale);
}

async function runDenoiser(
  { runner, shape, signal }: Denoising,
  sample: Float32Array,
  batch: number,
  t: number,
  { textKv, faceKv }: Condition,
): Promise<Float32Array> {
  const outputs = await runner.run(
    'denoiser',
    {
      sample: float32Tensor(sample, [batch, ...shape]),
      timestep: float32Tensor(new Float32Array([t]), [1]),
      text_kv: textKv,
      face_kv: faceKv,
    },
    signal ? { signal } : {},
  );
  return (await readFloats(runner, 'denoiser', outputs, 'out_sample')).data;
}

function guide(conditional: Float32Array, unconditional: Float32Array, scale: number): Float32Array {
  combine(scale, conditional, 1 - scale, unconditional, conditional);
  return conditional;
}

/** values = mask·values + (1 − mask)·kept in every channel. */
function keepOutside(values: Float32Array, kept: Float32Array, mask: Float32Array): void {
  for (let i = 0; i < values.length; i++) {
    const share = mask[i % mask.length]!;
    values[i] = share * values[i]! + (1 - share) * kept[i]!;
  }
}
