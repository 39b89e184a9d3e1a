/** The table of contents: what happens between a request with its pictures and the finished images, in order. */
import type { SessionRunner } from '../domain/ports.ts';
import { seedOfImage } from '../domain/seeds.ts';
import type { GeneratedImage, GenerationOutcome } from '../domain/task.ts';
import { throwIfCancelled } from './cancellation.ts';
import { drawRound, type Draft } from './draw.ts';
import { needsLatent, prepare } from './prepare.ts';
import { ProgressMeter } from './progress.ts';
import type { GenerateInput, Run } from './run.ts';
import type { GuidancePasses } from './stages/denoising.ts';

/**
 * Makes the images of one task. The same request, seed, bundle and backend give the same bytes; image k of a batch is the
 * single run with seed (seed + k) mod 2³².
 *
 * Throws AppError `no-face`, `invalid-request`, `cancelled`, `bundle-invalid`, and what the runner throws.
 */
export async function generate(input: GenerateInput): Promise<GenerationOutcome> {
  const begin = performance.now();
  const { request, taskId, emit } = input;
  const meter = new ProgressMeter({ taskId, images: request.batch, steps: request.steps, emit });
  const run: Run = { ...input, meter, found: [] };
  const indices = input.only ?? Array.from({ length: request.batch }, (_, index) => index);
  planWork(run, indices.length);
  throwIfCancelled(input.signal);

  const prepared = await prepare(run);
  const images: GeneratedImage[] = [];
  try {
    const drafts: Draft[] = indices.map((index) => {
      return { index, seed: seedOfImage(request.seed, index), attempt: 0, best: null };
    });
    // Where sessions are released after their stage, all images pass a stage before the next one begins.
    const rounds = input.budget.sessions === 'resident' ? drafts.map((draft) => [draft]) : [drafts];
    for (const round of rounds) images.push(...(await drawRound(run, prepared, round)));
  } finally {
    disposeConditions(run.runner, prepared.passes);
  }
  return {
    images,
    adjustments: [...input.adjustments, ...run.found],
    timings: meter.timings(),
    startupMs: input.startupMs ?? 0,
    runtimeMs: performance.now() - begin,
  };
}

/** Units of work that are certain from the start, so that the bar runs evenly. */
function planWork({ meter, request, moreReferences }: Run, images: number): void {
  const guided = request.guidanceScale > 1;
  meter.plan('find-face', 1 + moreReferences.length);
  if (request.faceStrength > 0) meter.plan('embed-face', 1 + moreReferences.length);
  meter.plan('encode-prompt', guided ? 2 : 1);
  meter.plan('condition', 1);
  if (needsLatent(request)) meter.plan('encode-image', 1);
  meter.plan('denoise', request.steps * images);
  meter.plan('decode', images);
  meter.plan('score', images);
}

function disposeConditions(runner: SessionRunner, passes: GuidancePasses): void {
  const conditions =
    passes.kind === 'together'
      ? [passes.both]
      : passes.kind === 'none'
        ? [passes.condition]
        : [passes.condition, passes.unconditional];
  for (const { textKv, faceKv } of conditions) {
    runner.dispose(textKv);
    runner.dispose(faceKv);
  }
}
