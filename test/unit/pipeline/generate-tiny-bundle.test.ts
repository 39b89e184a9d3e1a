/** The whole way with a real (tiny, random) bundle on onnxruntime-node. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createNodeRunner } from '../../../cli/node-session-runner.ts';
import { openBundle, type ModelBundle } from '../../../src/bundle/open-bundle.ts';
import { computeBudget } from '../../../src/domain/compute-budget.ts';
import type { GenerationRequest } from '../../../src/domain/request.ts';
import type { GenerationOutcome } from '../../../src/domain/task.ts';
import { generate } from '../../../src/pipeline/generate.ts';
import { detectFaces } from '../../../src/pipeline/stages/face-detection.ts';
import { openTokenizer, type PromptTokenizer } from '../../../src/pipeline/tokenizer.ts';
import type { ClosableRunner } from '../../../src/runtime/session-runner.ts';
import { drawTinyFace, TINY_FACE } from '../../fixtures/tiny-face-networks.ts';
import { makeTinyBundle } from '../../fixtures/tiny-bundle.ts';
import { makeRequest } from './make-request.ts';

const RESIDENT = computeBudget('a100', { kind: 'node-cpu', cores: 2, crossOriginIsolated: true });
const ECONOMY = computeBudget('a10g', { kind: 'node-cpu', cores: 2, crossOriginIsolated: true });

describe('generate with the tiny bundle', () => {
  let bundle: ModelBundle;
  let runner: ClosableRunner;
  let tokenizer: PromptTokenizer;

  beforeAll(async () => {
    bundle = await openBundle(makeTinyBundle());
    runner = createNodeRunner(bundle);
    tokenizer = await openTokenizer(bundle);
  });
  afterAll(() => runner.close());

  function run(changes: Partial<GenerationRequest>, budget = RESIDENT): Promise<GenerationOutcome> {
    return generate({
      taskId: 'task',
      bundle,
      runner,
      tokenizer,
      budget,
      request: makeRequest({ width: 128, height: 128, steps: 2, ...changes }),
      adjustments: [],
      reference: drawTinyFace(256),
      moreReferences: [],
      emit: () => undefined,
    });
  }

  it('finds the drawn face where it is', async () => {
    const [face, ...more] = await detectFaces({ bundle, runner }, drawTinyFace(256));
    expect(more).toEqual([]);
    TINY_FACE.landmarks.forEach(([x, y], i) => {
      expect(Math.abs(face!.points[i]!.x - 256 * (TINY_FACE.centre[0] + TINY_FACE.radius * x))).toBeLessThan(12);
      expect(Math.abs(face!.points[i]!.y - 256 * (TINY_FACE.centre[1] + TINY_FACE.radius * y))).toBeLessThan(12);
    });
  });

  it('gives the same bytes for the same request and other bytes for another seed', async () => {
    const [first, again, other] = [await run({}), await run({}), await run({ seed: 2 })];
    expect(again.images[0]!.image.data).toEqual(first.images[0]!.image.data);
    expect(other.images[0]!.image.data).not.toEqual(first.images[0]!.image.data);
    expect(first.images[0]!.image).toMatchObject({ width: 128, height: 128 });
  });

  it('makes image k of a batch equal to the single run with seed + k, resident or stage by stage', async () => {
    const seed = 2 ** 32 - 1;
    const single = await run({ seed: 0 });
    for (const budget of [RESIDENT, ECONOMY]) {
      const batch = await run({ seed, batch: 2 }, budget);
      expect(batch.images.map((image) => image.seed)).toEqual([seed, 0]);
      expect(batch.images[1]!.image.data).toEqual(single.images[0]!.image.data);
    }
  });

  it('stays near the picture at low denoise, so that the face is found again and scored', async () => {
    const { images } = await run({ denoise: 0.1 });
    expect(images[0]!.likeness).toBeGreaterThan(0.5);
    expect(images[0]!.likeness).toBeLessThanOrEqual(1);
  });

  it.each(['ddim', 'lcm', 'euler', 'dpmpp-2m'] as const)('runs %s with guidance', async (scheduler) => {
    const outcome = await run({ scheduler, guidanceScale: 2, negativePrompt: 'hat', denoise: 0.6 });
    const pixels = outcome.images[0]!.image.data;
    expect(new Set(pixels).size).toBeGreaterThan(16);
  });

  it('keeps no session after a stage-by-stage run', async () => {
    await run({}, ECONOMY);
    expect(runner.residentBytes()).toBe(0);
  });
});
