import { combine, predictClean, type Prediction, type Scheduler, type SchedulerStep } from './scheduler.ts';
import type { NoiseSchedule } from './noise-schedule.ts';

/** Boundary condition of latent consistency models (Luo et al., arXiv:2310.04378; diffusers 0.42.1 `LCMScheduler`). */
const SIGMA_DATA = 0.5;
const TIMESTEP_SCALING = 10;

/** Multistep consistency sampling: to the clean latent, then back to the next noise level with fresh noise. */
export class LcmScheduler implements Scheduler {
  readonly kind = 'lcm';
  private readonly schedule: NoiseSchedule;
  private readonly prediction: Prediction;

  constructor(schedule: NoiseSchedule, prediction: Prediction) {
    this.schedule = schedule;
    this.prediction = prediction;
  }

  initialSigma(): number {
    return 1;
  }

  inputScale(): number {
    return 1;
  }

  addNoise(latent: Float32Array, noise: Float32Array, t: number, out: Float32Array): void {
    const alphaBar = t === -1 ? 1 : this.schedule.alphaBar(t);
    combine(Math.sqrt(alphaBar), latent, Math.sqrt(1 - alphaBar), noise, out);
  }

  usesStepNoise(tPrev: number): boolean {
    return tPrev !== -1;
  }

  /** The last step returns the clean latent itself. Throws RangeError when an earlier one gets no noise. */
  step(step: SchedulerStep): void {
    predictClean(this.prediction, this.schedule.alphaBar(step.t), step);
    const scaled = step.t * TIMESTEP_SCALING;
    const square = scaled * scaled + SIGMA_DATA * SIGMA_DATA;
    combine(scaled / Math.sqrt(square), step.clean, (SIGMA_DATA * SIGMA_DATA) / square, step.sample, step.clean);
    if (step.tPrev === -1) {
      step.out.set(step.clean);
      return;
    }
    if (step.noise === null) throw new RangeError('An LCM step before the last needs noise');
    const alphaBarPrev = this.schedule.alphaBar(step.tPrev);
    combine(Math.sqrt(alphaBarPrev), step.clean, Math.sqrt(1 - alphaBarPrev), step.noise, step.out);
  }
}
