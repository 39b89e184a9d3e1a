import { combine, predictClean, type Prediction, type Scheduler, type SchedulerStep } from './scheduler.ts';
import type { NoiseSchedule } from './noise-schedule.ts';

/**
 * DPM-Solver++(2M), midpoint form: algorithm 2 of Lu et al., arXiv:2211.01095; agrees with diffusers 0.42.1
 * `DPMSolverMultistepScheduler` (`dpmsolver++`, order 2, final σ zero). The first and the last step are first order:
 * nothing is remembered yet, and at σ = 0 the second-order term is undefined.
 */
export class DpmPp2mScheduler implements Scheduler {
  readonly kind = 'dpmpp-2m';
  private readonly schedule: NoiseSchedule;
  private readonly prediction: Prediction;
  private previous: { readonly clean: Float32Array; readonly lambda: number } | null = null;

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
    const sigma = this.schedule.sigma(t);
    const signal = 1 / Math.sqrt(sigma * sigma + 1);
    combine(signal, latent, sigma * signal, noise, out);
  }

  usesStepNoise(): boolean {
    return false;
  }

  step(step: SchedulerStep): void {
    const sigma = this.schedule.sigma(step.t);
    const sigmaPrev = this.schedule.sigma(step.tPrev);
    const signal = 1 / Math.sqrt(sigma * sigma + 1);
    const signalPrev = 1 / Math.sqrt(sigmaPrev * sigmaPrev + 1);
    predictClean(this.prediction, signal * signal, step);

    // λ = log(√ᾱ/√(1−ᾱ)) = −log σ, h = λ_prev − λ, so that exp(−h) = σ_prev/σ.
    const lambda = -Math.log(sigma);
    const decay = sigmaPrev / sigma;
    const ofClean = signalPrev * (1 - decay);
    combine((sigmaPrev * signalPrev) / (sigma * signal), step.sample, ofClean, step.clean, step.out);
    if (this.previous && step.tPrev !== -1) {
      const halfInverseRatio = (0.5 * -Math.log(decay)) / (lambda - this.previous.lambda);
      const ofDifference = ofClean * halfInverseRatio;
      combine(1, step.out, ofDifference, step.clean, step.out);
      combine(1, step.out, -ofDifference, this.previous.clean, step.out);
    }
    this.previous = { clean: step.clean.slice(), lambda };
  }
}
