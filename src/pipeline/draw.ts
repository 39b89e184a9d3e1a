import type { PixelImage } from '../domain/image.ts';
import type { GenerationRequest } from '../domain/request.ts';
import type { GeneratedImage } from '../domain/task.ts';
import { throwIfCancelled } from './cancellation.ts';
import { finishImage } from './finish-image.ts';
import { previewLatent } from './image/latent-preview.ts';
import { cropTopLeft } from './image/pad.ts';
import type { Prepared } from './prepare.ts';
import { fillNormals } from './random.ts';
import type { RenderSize } from './render-size.ts';
import { withRoles, type Run } from './run.ts';
import { createScheduler } from './schedulers/create-scheduler.ts';
import { planTimesteps } from './schedulers/timesteps.ts';
import { decodeLatent } from './stages/decoding.ts';
import { denoise } from './stages/denoising.ts';
import { scoreLikeness, type Likeness } from './stages/likeness.ts';

/** One image on its way; `best` is the likest rendering so far. */
export interface Draft {
  readonly index: number;
  readonly seed: number;
  attempt: number;
  best: { readonly image: PixelImage; readonly score: Likeness } | null;
}

/** Draws images, and those again that resemble the person too little, until they do or the attempts are used up. */
export async function drawRound(run: Run, prepared: Prepared, drafts: readonly Draft[]): Promise<GeneratedImage[]> {
  const { meter, request } = run;
  const images: GeneratedImage[] = [];
  for (let pending = drafts; pending.length > 0;) {
    const latents = await withRoles(run, ['denoiser'], () =>
      inOrder(pending, (draft) => denoiseDraft(run, prepared, draft)),
    );
    const pictures = await withRoles(run, ['latentDecoder'], () =>
      inOrder(pending, (draft, i) =>
        meter.measure('decode', draft.index, () => decode(run, prepared.size, latents[i]!)),
      ),
    );
    await withRoles(run, ['faceDetector', 'faceEncoder'], () =>
      inOrder(pending, async (draft, i) => {
        const image = pictures[i]!;
        const score = await meter.measure('score', draft.index, () => scoreLikeness(run, image, prepared.person));
        if (!draft.best || likenessOf(score) > likenessOf(draft.best.score)) draft.best = { image, score };
        draft.attempt += 1;
      }),
    );
    // Without a person to be like, another drawing would be no better.
    const again = prepared.person === null ? [] : pending.filter((draft) => isTooUnlike(draft, request));
    for (const draft of pending) if (!again.includes(draft)) images.push(finish(run, draft));
    meter.plan('denoise', again.length * request.steps);
    meter.plan('decode', again.length);
    meter.plan('score', again.length);
    pending = again;
  }
  return images.sort((a, b) => a.index - b.index);
}

function isTooUnlike({ attempt, best }: Draft, { minLikeness, maxAttempts }: GenerationRequest): boolean {
  return minLikeness !== null && attempt < maxAttempts && best !== null && likenessOf(best.score) < minLikeness;
}

/** No face found is less like the person than any face. */
function likenessOf({ likeness }: Likeness): number {
  return likeness ?? -Infinity;
}

async function denoiseDraft(run: Run, prepared: Prepared, { index, seed, attempt }: Draft): Promise<Float32Array> {
  const { request, runner, taskId, emit, signal } = run;
  const { manifest } = run.bundle;
  const { schedule, latent: latentSpec } = manifest;
  const { timesteps, denoise: reached } = planTimesteps(
    request.scheduler,
    request.steps,
    request.denoise,
    schedule.betas.trainSteps,
  );
  const width = prepared.size.workWidth / latentSpec.downscale;
  const height = prepared.size.workHeight / latentSpec.downscale;
  const stepDone = run.meter.denoisingSteps(index);
  return denoise({
    runner,
    scheduler: createScheduler(request.scheduler, schedule),
    timesteps,
    shape: [latentSpec.channels, height, width],
    start: reached < 1 ? prepared.latent : null,
    passes: prepared.passes,
    guidanceScale: request.guidanceScale,
    noise: (draw, out) => fillNormals(out, { seed, attempt, draw }),
    background: prepared.mask && prepared.latent ? { mask: prepared.mask, latent: prepared.latent } : null,
    onStep: (step, clean) => {
      stepDone(step + 1);
      const preview = previewLatent(clean, latentSpec.preview, width, height);
      emit({ type: 'preview', taskId, image: index, step: step + 1, preview });
    },
    signal,
  });
}

async function decode(run: Run, size: RenderSize, latent: Float32Array): Promise<PixelImage> {
  throwIfCancelled(run.signal);
  const { manifest } = run.bundle;
  const { downscale } = manifest.latent;
  const picture = await decodeLatent(
    manifest,
    run.runner,
    latent,
    size.workHeight / downscale,
    size.workWidth / downscale,
  );
  return cropTopLeft(picture, size.width, size.height);
}

/** The best rendering at the asked size, told as soon as it is there. */
function finish(run: Run, { index, seed, best }: Draft): GeneratedImage {
  const { request, emit, taskId } = run;
  const { image, score } = best!;
  const { finished, adjustments } = finishImage(image, score.face, request.width, request.height);
  if (!run.found.some(({ reason }) => reason === 'face-cut-by-crop')) run.found.push(...adjustments);
  const result = { index, seed, image: finished, likeness: score.likeness };
  emit({ type: 'image', taskId, result });
  return result;
}

/** One after the other: every backend computes one graph at a time. */
async function inOrder<T, R>(items: readonly T[], work: (item: T, i: number) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  for (const [i, item] of items.entries()) results.push(await work(item, i));
  return results;
}
