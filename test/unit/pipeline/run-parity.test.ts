/** Whole runs, words and picture to latent, against diffusers' pipelines from the same noise (make_run_fixtures.py). */
import { describe, expect, it } from 'vitest';
import { createNodeRunner } from '../../../cli/node-session-runner.ts';
import { openBundle } from '../../../src/bundle/open-bundle.ts';
import { computeBudget, type ComputeBudget } from '../../../src/domain/compute-budget.ts';
import type { PixelImage } from '../../../src/domain/image.ts';
import type { SessionRunner } from '../../../src/domain/ports.ts';
import type { GenerationRequest, SchedulerKind } from '../../../src/domain/request.ts';
import { float32Tensor, type HostTensor } from '../../../src/domain/tensor.ts';
import { generate } from '../../../src/pipeline/generate.ts';
import { ARCFACE_TEMPLATE_112 } from '../../../src/pipeline/stages/face-alignment.ts';
import { openTokenizer } from '../../../src/pipeline/tokenizer.ts';
import { hashUniform } from '../../fixtures/hash-weights.ts';
import { makeTinyBundle } from '../../fixtures/tiny-bundle.ts';
import { relativeError } from '../../parity/fixtures.ts';
import { makeRequest } from './make-request.ts';
import fixture from '../../fixtures/pipeline/runs.json' with { type: 'json' };

type Case = (typeof fixture.runs)[number];

/**
 * Of the reference's largest value. Measured: 2e-5 for Euler from pure noise at zero-terminal-SNR, where the reference
 * keeps float32 samples of up to 4096 · noise; all others 5e-7 to 1.2e-6.
 */
const TOLERANCE = 1e-4;

const SIDE = 128;
const NODE = { kind: 'node-cpu', cores: 1, crossOriginIsolated: true } as const;
const SEQUENTIAL: ComputeBudget = { ...computeBudget('a100', NODE), guidancePasses: 'sequential' };
const TOGETHER: ComputeBudget = { ...SEQUENTIAL, guidancePasses: 'together' };

/** `picture` of make_run_fixtures.py. */
function picture(): PixelImage {
  const data = new Uint8ClampedArray(SIDE * SIDE * 4);
  for (let y = 0; y < SIDE; y++) {
    for (let x = 0; x < SIDE; x++) {
      const rgb = [((x * 3 + y) % 200) + 20, ((x + y * 2) % 150) + 50, 255 - ((x * 2 + y * 2) % 230)];
      data.set([...rgb, 255], 4 * (y * SIDE + x));
    }
  }
  return { width: SIDE, height: SIDE, data };
}

/**
 * The latent that `generate` hands to the decoder. Only the face encoder is replaced, by the embedding that the reference
 * is given.
 */
async function finalLatent(
  { kind, steps, denoise, guidance, scale, v }: Case,
  changes: Partial<GenerationRequest> = {},
  budget = SEQUENTIAL,
): Promise<{ dims: readonly number[]; data: Float32Array }> {
  const bundle = await openBundle(
    makeTinyBundle({
      loudDenoiser: true,
      manifest: {
        schedule: {
          kind: 'ddim',
          betas: { kind: 'scaled_linear', start: 0.00085, end: 0.012, trainSteps: 1000 },
          prediction: v ? 'v_prediction' : 'epsilon',
          zeroTerminalSnr: v,
          setAlphaToOne: true,
          steps: { default: 4, min: 1, max: 50 },
          guidance: { default: 1, smallestUseful: 1.5, max: 10 },
          unconditionalFace: 'zero',
        },
      },
    }),
  );
  const node = createNodeRunner(bundle);
  let latent: HostTensor | undefined;
  const embedding = float32Tensor(Float32Array.from(hashUniform('run/face', 32)), [1, 32]);
  const runner: SessionRunner = {
    backend: node.backend,
    run: (role, feeds, options) => {
      if (role === 'faceEncoder') return Promise.resolve({ embedding });
      if (role === 'latentDecoder') latent = feeds['latent'] as HostTensor;
      return node.run(role, feeds, options);
    },
    read: (tensor) => node.read(tensor),
    dispose: (tensor) => node.dispose(tensor),
    release: (role) => node.release(role),
    residentBytes: () => node.residentBytes(),
  };
  try {
    await generate({
      taskId: 'task',
      bundle,
      runner,
      tokenizer: await openTokenizer(bundle),
      budget,
      request: makeRequest({
        prompt: 'portrait of a person red hat',
        negativePrompt: 'jacket',
        width: SIDE,
        height: SIDE,
        steps,
        denoise,
        guidanceScale: guidance,
        faceStrength: scale,
        scheduler: kind as SchedulerKind,
        seed: fixture.seed,
        facePoints: ARCFACE_TEMPLATE_112,
        ...changes,
      }),
      adjustments: [],
      reference: picture(),
      moreReferences: [],
      emit: () => undefined,
    });
  } finally {
    await node.close();
  }
  return { dims: latent!.dims, data: latent!.data as Float32Array };
}

const named = (title: string): Case => fixture.runs.find((run) => run.title === title)!;

describe('a whole run gives the reference’s latents', () => {
  it.each(fixture.runs)('$title', async (run) => {
    expect(relativeError(await finalLatent(run), run.latent)).toBeLessThan(TOLERANCE);
  });

  it('with both guidance passes as one batch', async () => {
    const run = named('DDIM, 20 steps, guidance 7.5, negative prompt');
    expect(relativeError(await finalLatent(run, {}, TOGETHER), run.latent)).toBeLessThan(TOLERANCE);
  });

  it('and would not with another face scale, negative prompt, noise or start', async () => {
    const run = named('Euler, 6 steps');
    for (const change of [{ faceStrength: 0.9 }, { negativePrompt: 'hat' }, { seed: 1 }, { denoise: 0.74 }]) {
      expect(relativeError(await finalLatent(run, change), run.latent), JSON.stringify(change)).toBeGreaterThan(1e-2);
    }
  });
});
