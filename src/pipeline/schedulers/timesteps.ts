import type { SchedulerKind } from '../../domain/request.ts';

/** The LCM distillation grid: 50 of 1000 training steps, 19, 39 … 999 (diffusers 0.42.1, `scheduling_lcm.py`). */
const LCM_SPACING = 20;
const TRAIN_STEPS = 1000;

/** A run's timesteps, descending; after the last one t_prev is −1. */
export interface TimestepPlan {
  readonly timesteps: readonly number[];
  /** The δ that is computed: the asked one, or `steps`/1000 where that is larger. */
  readonly denoise: number;
}

/**
 * N steps are always N steps; δ says how far up the noise the run starts: with n = round(1000·δ), at least N,
 * t_k = roundHalfEven(n·(N−k)/N) − 1. At δ = 1 this is diffusers' `trailing` spacing. LCM takes its own grid where that
 * has at least N points ≤ n − 1.
 *
 * @param steps N, 1..1000
 * @param denoise δ, 0..1 (diffusers' `strength`)
 * @param trainSteps length of the training schedule; other lengths than 1000 scale n
 */
export function planTimesteps(
  kind: SchedulerKind,
  steps: number,
  denoise: number,
  trainSteps: number = TRAIN_STEPS,
): TimestepPlan {
  const asked = Math.round(trainSteps * denoise);
  const n = Math.max(asked, steps);
  const onGrid = kind === 'lcm' && trainSteps === TRAIN_STEPS ? lcmTimesteps(steps, n) : null;
  const timesteps = onGrid ?? Array.from({ length: steps }, (_, k) => roundHalfEven((n * (steps - k)) / steps) - 1);
  return { timesteps, denoise: asked >= steps ? denoise : steps / trainSteps };
}

/** Evenly spread indices into the descending grid: floor of a linspace without its end, as the reference picks them. */
function lcmTimesteps(steps: number, n: number): number[] | null {
  const points = Math.floor(n / LCM_SPACING);
  if (points < steps) return null;
  const stride = points / steps;
  return Array.from({ length: steps }, (_, k) => (points - Math.floor(k * stride)) * LCM_SPACING - 1);
}

/** Halves go to the even neighbour, as in numpy.round. */
export function roundHalfEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  if (rest !== 0.5) return Math.round(value);
  return floor % 2 === 0 ? floor : floor + 1;
}
