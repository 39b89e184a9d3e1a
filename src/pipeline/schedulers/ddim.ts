import { combine, predictClean, type Prediction, type Scheduler, type SchedulerStep } from './scheduler.ts';
import type { NoiseSchedule } from './noise-schedule.ts';

/**
 * Deterministic DDIM (η = 0, no clipping): formula 12 of Song, Meng, Ermon, arXiv:2010.02502; agrees with diffusers
 * 0.42.1 `DDIMScheduler` where that has the same timesteps.
 */
export class DdimScheduler implements Scheduler {
  readonly kind = 'ddim';
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
    const alphaBar = this.schedule.alphaBar(t);
    combine(Math.sqrt(alphaBar), latent, Math.sqrt(1 - alphaBar), noise, out);
  }

  usesStepNoise(): boolean {
    return false;
  }

  step(step: SchedulerStep): void {
    const alphaBar = this.schedule.alphaBar(step.t);
    const alphaBarPrev = this.schedule.alphaBar(step.tPrev);
    predictClean(this.prediction, alphaBar, step);
    // ε = output, or √ᾱ·v + √(1−ᾱ)·x; written as coefficients of output and sample.
    const direction = Math.sqrt(1 - alphaBarPrev);
    const ofOutput = direction * (this.prediction === 'epsilon' ? 1 : Math.sqrt(alphaBar));
    const ofSample = direction * (this.prediction === 'epsilon' ? 0 : Math.sqrt(1 - alphaBar));
    combine(ofOutput, step.modelOutput, ofSample, step.sample, step.out);
    combine(1, step.out, Math.sqrt(alphaBarPrev), step.clean, step.out);
  }
}
