import { describe, expect, it } from 'vitest';
import type { BundleManifest } from '../../../src/bundle/manifest.ts';
import type { SchedulerKind } from '../../../src/domain/request.ts';
import { isAppError } from '../../../src/domain/errors.ts';
import { createScheduler } from '../../../src/pipeline/schedulers/create-scheduler.ts';
import { NoiseSchedule } from '../../../src/pipeline/schedulers/noise-schedule.ts';
import { planTimesteps, roundHalfEven } from '../../../src/pipeline/schedulers/timesteps.ts';
import fixture from '../../fixtures/pipeline/schedulers.json' with { type: 'json' };

type ScheduleSpec = BundleManifest['schedule'];

const SIZE = 24;

function scheduleSpec(changes: Partial<ScheduleSpec>): ScheduleSpec {
  return {
    kind: 'ddim',
    betas: { kind: 'scaled_linear', start: 0.00085, end: 0.012, trainSteps: 1000 },
    prediction: 'epsilon',
    zeroTerminalSnr: false,
    setAlphaToOne: true,
    steps: { default: 8, min: 1, max: 50 },
    guidance: { default: 1, smallestUseful: 2, max: 4 },
    unconditionalFace: 'zero',
    ...changes,
  };
}

/** `noise` and `model` of make_scheduler_fixtures.py. */
function noise(draw: number): Float32Array {
  return Float32Array.from({ length: SIZE }, (_, i) => 1.6 * Math.sin(12.9898 * (i + 1) + 78.233 * (draw + 1)));
}

function model(x: Float32Array, t: number): Float32Array {
  return x.map((value, i) => 0.6 * value - 0.3 * x[(i + SIZE - 1) % SIZE]! + 0.25 * Math.cos(0.01 * t + i));
}

function runLoop(kind: SchedulerKind, spec: ScheduleSpec, timesteps: readonly number[], denoise: number): Float32Array {
  const scheduler = createScheduler(kind, spec);
  const first = timesteps[0]!;
  const sample = new Float32Array(SIZE);
  const start = noise(0);
  const latent = noise(100).map((value) => 0.5 * value);
  if (denoise === 1) sample.set(start.map((value) => value * scheduler.initialSigma(first)));
  else scheduler.addNoise(latent, start, first, sample);
  const clean = new Float32Array(SIZE);
  timesteps.forEach((t, k) => {
    const tPrev = timesteps[k + 1] ?? -1;
    const scale = scheduler.inputScale(t);
    const modelOutput = model(
      sample.map((value) => value * scale),
      t,
    );
    const stepNoise = scheduler.usesStepNoise(tPrev) ? noise(k + 1) : null;
    scheduler.step({ modelOutput, sample, t, tPrev, noise: stepNoise, out: sample, clean });
  });
  return sample;
}

function largestDifference(got: Float32Array, expected: readonly number[]): number {
  const scale = Math.max(...expected.map(Math.abs));
  return Math.max(...expected.map((value, i) => Math.abs(value - got[i]!))) / scale;
}

describe('schedulers against the reference', () => {
  for (const loop of fixture.loops) {
    const snr = loop.zeroTerminalSnr ? ', zero SNR' : '';
    const last = loop.setAlphaToOne ? '' : ', ᾱ₀ at the end';
    const grid = loop.givenList ? `timesteps ${loop.timesteps.join(' ')}` : `${loop.steps} steps, δ ${loop.denoise}`;
    it(`${loop.kind} ${loop.prediction}${snr}${last}, ${grid} (${loop.source})`, () => {
      const kind = loop.kind as SchedulerKind;
      const spec = scheduleSpec({
        prediction: loop.prediction as ScheduleSpec['prediction'],
        zeroTerminalSnr: loop.zeroTerminalSnr,
        setAlphaToOne: loop.setAlphaToOne,
      });
      if (!loop.givenList && (loop.denoise === 1 || loop.kind !== 'lcm'))
        expect(planTimesteps(kind, loop.steps, loop.denoise).timesteps).toEqual(loop.timesteps);
      // diffusers' Euler starts at σ = 4096 here and keeps samples in float32: an error of about 4096·2⁻²⁴ is its own. The
      // same loops in double precision (numpy) hold the bar.
      const coarse = loop.kind === 'euler' && loop.zeroTerminalSnr && loop.denoise === 1 && loop.source === 'diffusers';
      const difference = largestDifference(runLoop(kind, spec, loop.timesteps, loop.denoise), loop.final);
      expect(difference).toBeLessThan(coarse ? 1e-3 : 1e-5);
    });
  }

  it.each(['plain', 'zeroTerminalSnr'] as const)('ᾱ table, %s', (name) => {
    const zeroTerminalSnr = name === 'zeroTerminalSnr';
    const schedule = new NoiseSchedule(scheduleSpec({ prediction: 'v_prediction', zeroTerminalSnr }));
    for (const [t, expected] of fixture.alphaBars[name] as [number, number][]) {
      // At t = 998 of the rescaled schedule one float32 rounding of √ᾱ is 2e-5 of the value.
      expect(Math.abs(schedule.alphaBar(t) - expected)).toBeLessThanOrEqual(1e-6 * expected + 1e-9);
    }
  });

  it('refuses zero-terminal-SNR with epsilon prediction, naming the field', () => {
    const make = () => createScheduler('euler', scheduleSpec({ zeroTerminalSnr: true }));
    expect(make).toThrow(/schedule\.zeroTerminalSnr/);
    try {
      make();
    } catch (error) {
      expect(isAppError(error, 'bundle-invalid')).toBe(true);
    }
  });

  it('takes fractional timesteps between the whole ones', () => {
    for (const kind of ['ddim', 'euler', 'dpmpp-2m', 'lcm'] as const) {
      const spec = scheduleSpec({ prediction: 'v_prediction', zeroTerminalSnr: true });
      const between = runLoop(kind, spec, [998.5, 500.5, 250.25], 1);
      const below = runLoop(kind, spec, [998, 500, 250], 1);
      expect(between.every(Number.isFinite)).toBe(true);
      expect(largestDifference(between, [...below])).toBeLessThan(0.05);
      expect(largestDifference(between, [...below])).toBeGreaterThan(0);
    }
    expect(() => new NoiseSchedule(scheduleSpec({})).alphaBar(1000)).toThrow(RangeError);
    expect(() => new NoiseSchedule(scheduleSpec({})).alphaBar(-0.5)).toThrow(RangeError);
  });
});

describe('timesteps', () => {
  it('are diffusers’ trailing ones at δ = 1 for every number of steps but 48', () => {
    // 1000/48 is not exact in binary: the reference sums it up and rounds 937.4999… down where 937.5 is meant.
    expect(planTimesteps('ddim', 48, 1).timesteps.map((t, k) => t - fixture.trailing[48][k]!)).toContain(1);
    for (const [steps, expected] of Object.entries(fixture.trailing)) {
      if (steps === '48') continue;
      expect(planTimesteps('ddim', Number(steps), 1).timesteps, `${steps} steps`).toEqual(expected);
    }
  });

  it('are the LCM grid’s where it has enough points', () => {
    for (const { steps, denoise, timesteps } of fixture.lcmGrid) {
      expect(planTimesteps('lcm', steps, denoise).timesteps, `${steps} steps, δ ${denoise}`).toEqual(timesteps);
    }
  });

  it('fall back to the general rule where the LCM grid is too short', () => {
    expect(planTimesteps('lcm', 8, 0.1).timesteps).toEqual(planTimesteps('ddim', 8, 0.1).timesteps);
  });

  it.each([
    [4, 0.5, [499, 374, 249, 124]],
    [1, 0, [0]],
    [3, 0.001, [2, 1, 0]],
  ])('%i steps at δ %f are %j', (steps, denoise, expected) => {
    expect(planTimesteps('ddim', steps, denoise).timesteps).toEqual(expected);
  });

  it('raises a δ too small for the steps and says so', () => {
    expect(planTimesteps('euler', 20, 0.01).denoise).toBe(0.02);
    expect(planTimesteps('euler', 20, 0.5).denoise).toBe(0.5);
  });

  it('is always N distinct descending timesteps', () => {
    for (const kind of ['ddim', 'lcm'] as const) {
      for (let steps = 1; steps <= 50; steps++) {
        for (const denoise of [0, 0.1, 0.33, 0.865, 0.999, 1]) {
          const { timesteps } = planTimesteps(kind, steps, denoise);
          expect(timesteps).toHaveLength(steps);
          expect(timesteps.every((t, k) => t >= 0 && t > (timesteps[k + 1] ?? -1))).toBe(true);
        }
      }
    }
  });

  it('rounds halves to even', () => {
    expect([0.5, 1.5, 2.5, 2.51, -0.5, -1.5].map(roundHalfEven)).toEqual([0, 2, 2, 3, 0, -2]);
  });
});
