/** A whole guided run, text to latent, against transformers + diffusers from the same noise. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createNodeRunner } from '../../../cli/node-session-runner.ts';
import { openBundle, type ModelBundle } from '../../../src/bundle/open-bundle.ts';
import { fillNormals } from '../../../src/pipeline/random.ts';
import { createScheduler } from '../../../src/pipeline/schedulers/create-scheduler.ts';
import { planTimesteps } from '../../../src/pipeline/schedulers/timesteps.ts';
import { condition } from '../../../src/pipeline/stages/conditioning.ts';
import { denoise } from '../../../src/pipeline/stages/denoising.ts';
import { encodePrompt } from '../../../src/pipeline/stages/prompt-encoding.ts';
import type { ClosableRunner } from '../../../src/runtime/session-runner.ts';
import { hashUniform } from '../../fixtures/hash-weights.ts';
import { makeTinyBundle } from '../../fixtures/tiny-bundle.ts';
import fixture from '../../fixtures/pipeline/runs.json' with { type: 'json' };

describe('a whole run', () => {
  let bundle: ModelBundle;
  let runner: ClosableRunner;
  beforeAll(async () => {
    bundle = await openBundle(makeTinyBundle());
    runner = createNodeRunner(bundle);
  });
  afterAll(() => runner.close());

  /** Largest difference from the reference's final latent, as a share of its largest value. */
  async function difference(
    kind: 'ddim' | 'euler' | 'dpmpp-2m',
    faceScale: number,
    negativeIds: number[],
  ): Promise<number> {
    const { seed, steps, guidanceScale, promptIds } = fixture;
    const raw = Float32Array.from(hashUniform('run/face', bundle.manifest.face.embedding!));
    const length = Math.hypot(...raw);
    const rows = [
      { text: await encodePrompt(runner, Int32Array.from(promptIds)), face: raw.map((value) => value / length) },
      { text: await encodePrompt(runner, Int32Array.from(negativeIds)), face: new Float32Array(raw.length) },
    ];
    const latent = await denoise({
      runner,
      scheduler: createScheduler(kind, bundle.manifest.schedule),
      timesteps: planTimesteps(kind, steps, 1).timesteps,
      shape: [16, 8, 8],
      start: null,
      passes: { kind: 'together', both: await condition(bundle, runner, rows, faceScale, false) },
      guidanceScale,
      noise: (draw, out) => fillNormals(out, { seed, attempt: 0, draw }),
      background: null,
      onStep: () => undefined,
      signal: undefined,
    });
    const expected = fixture.runs[kind];
    const largest = Math.max(...expected.map(Math.abs));
    return Math.max(...expected.map((value, i) => Math.abs(value - latent[i]!))) / largest;
  }

  it.each([
    ['ddim', 2e-5],
    ['dpmpp-2m', 2e-5],
    // The reference keeps float32 samples of up to 4096 · noise here.
    ['euler', 2e-4],
  ] as const)('gives the reference’s latents (%s)', async (kind, tolerance) => {
    expect(await difference(kind, fixture.faceScale, fixture.negativeIds)).toBeLessThan(tolerance);
  });

  it('would not without the face or with another negative prompt', async () => {
    expect(await difference('ddim', 0, fixture.negativeIds)).toBeGreaterThan(1e-3);
    expect(await difference('ddim', fixture.faceScale, fixture.promptIds)).toBeGreaterThan(1e-3);
  });
});
