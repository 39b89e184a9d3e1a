import type { BundleManifest } from '../../bundle/manifest.ts';
import type { SchedulerKind } from '../../domain/request.ts';

export type Prediction = BundleManifest['schedule']['prediction'];

/** What one step reads and writes; all arrays have the latent's length. `out` may be `sample` itself. */
export interface SchedulerStep {
  /** The denoiser's answer (guidance applied): noise or v, as the bundle predicts. */
  readonly modelOutput: Float32Array;
  readonly sample: Float32Array;
  /** Where the sample stands, and where it goes; −1 = finished. */
  readonly t: number;
  readonly tPrev: number;
  /** Fresh N(0, 1) noise; read only where `usesStepNoise` says so. */
  readonly noise: Float32Array | null;
  readonly out: Float32Array;
  /** Receives the estimate of the finished latent at this step. */
  readonly clean: Float32Array;
}

/**
 * How a sample gets from one noise level to the next. One instance serves one image: multistep methods remember.
 * Timesteps are passed in, never derived from the number of steps; any descending list will do, also fractional.
 */
export interface Scheduler {
  readonly kind: SchedulerKind;
  /** Factor on pure noise when a run starts from nothing at timestep t. */
  initialSigma(t: number): number;
  /** Factor on the sample before the denoiser sees it. */
  inputScale(t: number): number;
  /** `latent` at the noise level of t in this scheduler's own scale; t = −1: as a finished run would hold it. */
  addNoise(latent: Float32Array, noise: Float32Array, t: number, out: Float32Array): void;
  usesStepNoise(tPrev: number): boolean;
  step(step: SchedulerStep): void;
}

/** out = a·x + b·y, elementwise; out may be x or y. */
export function combine(a: number, x: Float32Array, b: number, y: Float32Array, out: Float32Array): void {
  for (let i = 0; i < out.length; i++) out[i] = a * x[i]! + b * y[i]!;
}

/**
 * Finished latent from a variance-preserving sample: x₀ = (x − √(1−ᾱ)·ε)/√ᾱ, or √ᾱ·x − √(1−ᾱ)·v (Salimans & Ho,
 * arXiv:2202.00512, appendix D).
 */
export function predictClean(prediction: Prediction, alphaBar: number, step: SchedulerStep): void {
  const signal = Math.sqrt(alphaBar);
  const noise = Math.sqrt(1 - alphaBar);
  if (prediction === 'epsilon') combine(1 / signal, step.sample, -noise / signal, step.modelOutput, step.clean);
  else combine(signal, step.sample, -noise, step.modelOutput, step.clean);
}
