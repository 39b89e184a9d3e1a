import { combine, type Prediction, type Scheduler, type SchedulerStep } from './scheduler.ts';
import type { NoiseSchedule } from './noise-schedule.ts';

/**
 * Euler's method on dx/dσ = (x − x₀)/σ: algorithm 2 without churn of Karras et al., arXiv:2206.00364; agrees with diffusers
 * 0.42.1 `EulerDiscreteScheduler` (`trailing`). Samples are variance-exploding: x = x₀ + σ·ε.
 */
export class EulerScheduler implements Scheduler {
  readonly kind = 'euler';
  private readonly schedule: NoiseSchedule;
  private readonly prediction: Prediction;

  constructor(schedule: NoiseSchedule, prediction: Prediction) {
    this.schedule = schedule;
    this.prediction = prediction;
  }

  initialSigma(t: number): number {
    return this.schedule.sigma(t);
  }

  inputScale(t: number): number {
    const sigma = this.schedule.sigma(t);
    return 1 / Math.sqrt(sigma * sigma + 1);
  }

  addNoise(latent: Float32Array, noise: Float32Array, t: number, out: Float32Array): void {
    combine(1, latent, this.schedule.sigma(t), noise, out);
  }

  usesStepNoise(): boolean {
    return false;
  }

  step(step: SchedulerStep): void {
    const sigma = this.schedule.sigma(step.t);
    const ratio = this.schedule.sigma(step.tPrev) / sigma;
    const square = sigma * sigma + 1;
    if (this.prediction === 'epsilon') combine(1, step.sample, -sigma, step.modelOutput, step.clean);
    else combine(1 / square, step.sample, -sigma / Math.sqrt(square), step.modelOutput, step.clean);
    // x + (x − x₀)/σ·(σ_prev − σ)
    combine(ratio, step.sample, 1 - ratio, step.clean, step.out);
  }
}
