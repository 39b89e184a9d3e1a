import { AppError } from '../../domain/errors.ts';
import type { BundleManifest } from '../../bundle/manifest.ts';

type ScheduleSpec = BundleManifest['schedule'];

/** ᾱ of the last training step where a finite σ is needed although the signal is zero there (diffusers 0.42.1). */
const SMALLEST_ALPHA_BAR = 2 ** -24;

/**
 * How much signal is left at each training timestep: x_t = √ᾱ_t·x₀ + √(1−ᾱ_t)·ε.
 *
 * The table is computed in float32 step by step like the reference's (diffusers 0.42.1, `scheduling_ddim.py`): near the
 * terminal step the zero-SNR rescaling subtracts nearly equal numbers, and models have learnt the rounded result.
 */
export class NoiseSchedule {
  readonly trainSteps: number;
  private readonly table: Float32Array;
  private readonly zeroTerminalSnr: boolean;
  private readonly afterLast: number;

  /** Throws AppError `bundle-invalid` for zero-terminal-SNR with epsilon prediction: at ᾱ = 0, ε says nothing about x₀. */
  constructor(spec: ScheduleSpec) {
    if (spec.zeroTerminalSnr && spec.prediction === 'epsilon') {
      throw new AppError(
        'bundle-invalid',
        'bundle.json: schedule.zeroTerminalSnr needs schedule.prediction "v_prediction"; with "epsilon" the first step is undefined.',
      );
    }
    this.trainSteps = spec.betas.trainSteps;
    this.zeroTerminalSnr = spec.zeroTerminalSnr;
    this.table = alphaBarTable(spec);
    this.afterLast = spec.setAlphaToOne ? 1 : this.table[0]!;
  }

  /** ᾱ_t for t in [0, trainSteps − 1], fractional t by σ; t = −1 is the end of the run. Throws RangeError otherwise. */
  alphaBar(t: number): number {
    if (t === -1) return this.afterLast;
    if (Number.isInteger(t)) return this.at(t);
    const sigma = this.sigma(t);
    return 1 / (1 + sigma * sigma);
  }

  /**
   * σ_t = √((1−ᾱ_t)/ᾱ_t); fractional t: linear between neighbours, as the reference's Euler scheduler does. With
   * zero-terminal-SNR the last one is taken at ᾱ = 2⁻²⁴ (σ = 4096) instead of ∞.
   */
  sigma(t: number): number {
    if (t === -1) return sigmaOf(this.afterLast);
    const below = Math.floor(t);
    const share = t - below;
    const low = this.finiteSigma(below);
    return share === 0 ? low : low + share * (this.finiteSigma(below + 1) - low);
  }

  private finiteSigma(t: number): number {
    return sigmaOf(this.zeroTerminalSnr && t === this.trainSteps - 1 ? SMALLEST_ALPHA_BAR : this.at(t));
  }

  private at(t: number): number {
    const value = this.table[t];
    if (value === undefined) throw new RangeError(`Timestep ${t} is outside 0..${this.trainSteps - 1}`);
    return value;
  }
}

function sigmaOf(alphaBar: number): number {
  return Math.sqrt((1 - alphaBar) / alphaBar);
}

function alphaBarTable(spec: ScheduleSpec): Float32Array {
  const { kind, start, end, trainSteps } = spec.betas;
  const alphas = new Float32Array(trainSteps);
  const first = Math.fround(kind === 'scaled_linear' ? Math.sqrt(start) : start);
  const last = Math.fround(kind === 'scaled_linear' ? Math.sqrt(end) : end);
  const step = trainSteps > 1 ? Math.fround((last - first) / (trainSteps - 1)) : 0;
  for (let i = 0; i < trainSteps; i++) {
    // From both ends towards the middle, as torch.linspace does.
    const value = Math.fround(i < trainSteps / 2 ? first + step * i : last - step * (trainSteps - 1 - i));
    alphas[i] = 1 - Math.fround(kind === 'scaled_linear' ? value * value : value);
  }
  const table = cumulativeProduct(alphas);
  return spec.zeroTerminalSnr ? rescaleToZeroTerminalSnr(table) : table;
}

/** Products accumulate in double precision and are stored as float32, as in torch.cumprod on a CPU. */
function cumulativeProduct(factors: Float32Array): Float32Array {
  const products = new Float32Array(factors.length);
  let product = 1;
  for (let i = 0; i < factors.length; i++) {
    product *= factors[i]!;
    products[i] = product;
  }
  return products;
}

/**
 * Shifts and scales √ᾱ so that the last one is 0 and the first stays: algorithm 1 of Lin et al., "Common Diffusion Noise
 * Schedules and Sample Steps are Flawed", arXiv:2305.08891. Goes through the betas again, as the reference does.
 */
function rescaleToZeroTerminalSnr(table: Float32Array): Float32Array {
  const roots = table.map(Math.sqrt);
  const first = roots[0]!;
  const last = roots[roots.length - 1]!;
  const factor = Math.fround(first / Math.fround(first - last));
  const squares = roots.map((root) => {
    const scaled = Math.fround(Math.fround(root - last) * factor);
    return scaled * scaled;
  });
  const alphas = squares.map(
    (square, i) => 1 - Math.fround(1 - Math.fround(i === 0 ? square : square / squares[i - 1]!)),
  );
  return cumulativeProduct(alphas);
}
