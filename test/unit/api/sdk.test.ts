import { readFile } from 'node:fs/promises';
import { afterEach, beforeEach, describe, expect, expectTypeOf, it, vi } from 'vitest';
import {
  createLikeness,
  type Likeness,
  type LikenessEvent,
  type LikenessRequest,
  type LikenessTask,
  type PendingTask,
  type SucceededTask,
} from '../../../src/api/sdk.ts';
import { AppError } from '../../../src/domain/errors.ts';
import { REQUEST_FIELDS } from '../../../src/domain/request-fields.ts';
import { wireName } from '../../../src/api/wire-request.ts';
import type { GenerationRequest } from '../../../src/domain/request.ts';
import { TEST_MODEL } from '../../fixtures/make-task.ts';
import { Site, until, type Tab } from '../../fixtures/task-queue.ts';
import { lookAgain, queueAndLeave } from '../../examples/queue-and-come-back.ts';
import { drawSeries } from '../../examples/series-of-one-face.ts';
import { drawWithin } from '../../examples/stop-after.ts';

let tab: Tab;
let likeness: Likeness;
beforeEach(async () => {
  tab = new Site().openTab();
  likeness = open(tab);
  await tab.begin();
});
afterEach(() => vi.unstubAllGlobals());

function open({ queue }: Tab): Likeness {
  const known = () => ({ ids: ['test', 'other'], usual: 'test' });
  const limits = (id: string) => Promise.resolve({ ...TEST_MODEL, id });
  return createLikeness({ tasks: queue, models: { known, limits } });
}

const FACE = new Blob(['face'], { type: 'image/png' });
const WISH = { image: FACE, prompt: 'a hat', seed: 7 };

describe('getImageToImage', () => {
  it('gives pictures as files and as addresses that can be revoked', async () => {
    const task = await likeness.getImageToImage({ ...WISH, batch: 2 });
    expect(task).toMatchObject({ status: 'SUCCESS', runtimeMs: 1 });
    expect(task.images.map(({ index, seed, likeness: score }) => [index, seed, score])).toEqual([
      [0, 7, 0.5],
      [1, 8, 0.5],
    ]);
    const [image] = task.images;
    const { url } = image!;
    expect(await (await fetch(url)).text()).toBe('7');
    expect(image!.url).toBe(url);
    image!.revoke();
    await expect(fetch(url)).rejects.toThrow();
    expect(image!.url).not.toBe(url);
    expect(await image!.blob.text()).toBe('7');
  });

  it('takes every field by the API’s name', async () => {
    await likeness.getImageToImage({
      ...WISH,
      app_id: 'other',
      batch: 2,
      width: 320,
      height: 300,
      num_inference_steps: 3,
      guidance_scale: 2,
      negative_prompt: 'glasses',
      strength: 0.5,
      inference_type: 'a10g',
      face_strength: 0.4,
      denoise: 0.3,
      reference_images: ['https://example.test/more.png', FACE],
      face_index: 1,
      scheduler: 'euler',
      face_points: [
        [1, 1],
        [2, 1],
        [1, 2],
        [1, 3],
        [2, 3],
      ],
      keep_background: true,
      min_likeness: 0.1,
      max_attempts: 2,
      output_format: 'webp',
    });
    expect(tab.engine.submitted[0]!.request).toMatchObject({
      appId: 'other',
      width: 320,
      height: 300,
      steps: 3,
      guidanceScale: 2,
      negativePrompt: 'glasses',
      strength: 0.5,
      inferenceType: 'a10g',
      faceStrength: 0.4,
      denoise: 0.3,
      referenceImages: [{ kind: 'url', url: 'https://example.test/more.png' }, { kind: 'blob' }],
      faceIndex: 1,
      scheduler: 'euler',
      keepBackground: true,
      minLikeness: 0.1,
      maxAttempts: 2,
      outputFormat: 'webp',
    });
  });

  it('tells what it is doing, and everything to those who subscribe', async () => {
    const mine: LikenessEvent[] = [];
    const all: LikenessEvent[] = [];
    const unsubscribe = likeness.subscribe((event) => all.push(event));
    const first = await likeness.getImageToImage({ ...WISH, batch: 2 }, { onEvent: (event) => mine.push(event) });
    expect(mine.every(({ taskId }) => taskId === first.taskId)).toBe(true);
    expect(mine.filter(({ type }) => type === 'image')).toHaveLength(2);
    const statuses = mine.flatMap((event) => (event.type === 'task' ? [event.task.status] : []));
    expect(statuses.at(-1)).toBe('SUCCESS');
    expect(statuses).toContain('PENDING');
    unsubscribe();
    const count = all.length;
    await likeness.getImageToImage(WISH);
    expect(all).toHaveLength(count);
    expect(mine.some(({ taskId }) => taskId !== first.taskId)).toBe(false);
  });

  it('names all bad fields at once, and an app that is not known, before anything is queued', async () => {
    const bad = { ...WISH, batch: 99, width: 3, prompt: '' };
    const error = await likeness.getImageToImage(bad).catch((thrown: unknown) => thrown as AppError);
    const { problems } = (error as AppError).details as { problems: readonly { field: string }[] };
    expect(problems.map(({ field }) => field)).toEqual(['prompt', 'batch', 'width']);
    await expect(likeness.getImageToImage({ ...WISH, app_id: 'nobody' })).rejects.toMatchObject({
      code: 'unknown-app',
    });
    expect(tab.queue.list()).toEqual([]);
  });

  it('takes the picture behind a blob: address at once, and tells when there is none', async () => {
    const url = URL.createObjectURL(new Blob(['theirs']));
    const drawing = likeness.getImageToImage({ ...WISH, image: url, celery: true });
    await drawing;
    URL.revokeObjectURL(url);
    const { image } = tab.engine.submitted[0]!.request;
    expect(image.kind === 'blob' && (await image.blob.text())).toBe('theirs');
    await expect(likeness.getImageToImage({ ...WISH, image: url })).rejects.toMatchObject({
      code: 'image-unreachable',
    });
  });

  it('rejects with the task’s own error, and with `cancelled` when somebody else cancels', async () => {
    tab.engine.gate = () => Promise.reject(new AppError('no-face', 'None.'));
    await expect(likeness.getImageToImage(WISH)).rejects.toMatchObject({ code: 'no-face' });
    tab.engine.gate = () => new Promise(() => undefined);
    const drawing = likeness.getImageToImage(WISH);
    const told = expect(drawing).rejects.toMatchObject({ code: 'cancelled' });
    await until(() => tab.engine.submitted.length === 2);
    await likeness.cancelTask(tab.engine.submitted[1]!.taskId);
    await told;
  });

  it('ends with its signal, waiting or running, and starts nothing once that is aborted', async () => {
    tab.engine.gate = () => new Promise(() => undefined);
    const [first, second] = [new AbortController(), new AbortController()];
    const running = likeness.getImageToImage(WISH, { signal: first.signal });
    const waiting = likeness.getImageToImage(WISH, { signal: second.signal });
    const told = Promise.all([
      expect(running).rejects.toBe('enough'),
      expect(waiting).rejects.toMatchObject({ name: 'AbortError' }),
    ]);
    await until(() => tab.queue.list().length === 2);
    second.abort();
    first.abort('enough');
    await told;
    await tab.finished();
    expect(Object.values(tab.statuses())).toEqual(['cancelled', 'cancelled']);
    await expect(likeness.getImageToImage(WISH, { signal: AbortSignal.abort('late') })).rejects.toBe('late');
    expect(tab.queue.list()).toHaveLength(2);
  });
});

describe('tasks', () => {
  it('of earlier visits are found even before they are listed', async () => {
    const site = new Site();
    const before = site.openTab();
    await before.begin();
    const { taskId } = await open(before).getImageToImage(WISH);
    const next = site.openTab();
    const asked = open(next).getTask(taskId);
    await next.begin();
    expect(await asked).toMatchObject({ status: 'SUCCESS', images: [{ seed: 7 }] });
  });

  it('are found by id while they wait, run and have ended, and are gone when deleted', async () => {
    tab.engine.gate = () => new Promise(() => undefined);
    const first = await likeness.getImageToImage({ ...WISH, celery: true });
    const second = await likeness.getImageToImage({ ...WISH, celery: true });
    expect([first.status, second.status]).toEqual(['PENDING', 'PENDING']);
    await until(() => tab.engine.submitted.length === 1);
    expect(await likeness.getTask(second.taskId)).toMatchObject({
      status: 'PENDING',
      queuePosition: 0,
      progress: null,
    });
    const running = (await likeness.getTask(first.taskId)) as PendingTask;
    expect(running).toMatchObject({ queuePosition: null, progress: { stage: 'denoise' } });
    await likeness.cancelTask(second.taskId);
    const cancelled = await likeness.getTask(second.taskId);
    expect(cancelled).toMatchObject({ status: 'FAILED', error: { code: 'cancelled' } });
    await likeness.deleteTask(second.taskId);
    expect(await likeness.getTask(second.taskId)).toBeNull();
    expect(await likeness.getTask('nobody')).toBeNull();
    await likeness.cancelTask('nobody');
  });
});

describe('examples', () => {
  it('draw a series and show every picture', async () => {
    const shown: string[] = [];
    const series = await drawSeries(likeness, FACE, (url, prompt) => shown.push(`${prompt}: ${url.slice(0, 5)}`));
    expect(series.map(({ images }) => images.length)).toEqual([2, 2, 2]);
    expect(shown).toHaveLength(6);
    expect(shown[0]).toBe('a person in a red hat: blob:');
  });

  it('queue, leave and look again', async () => {
    const id = await queueAndLeave(likeness, FACE);
    await tab.finished();
    expect(await lookAgain(likeness, id)).toMatch(/^1 pictures, seeds \d+\.$/);
    expect(await lookAgain(likeness, 'nobody')).toBe('There is no such task.');
  });

  it('stop when the time is up', async () => {
    expect(await drawWithin(likeness, WISH, 5000)).toMatchObject({ status: 'SUCCESS' });
    tab.engine.gate = () => new Promise(() => undefined);
    expect(await drawWithin(likeness, WISH, 10)).toBeNull();
  });

  it.each(['series-of-one-face', 'queue-and-come-back', 'stop-after'])(
    'docs/sdk.md shows %s as it is',
    async (name) => {
      const source = await readFile(`test/examples/${name}.ts`, 'utf8');
      const body = source.slice(source.indexOf('/**')).trim();
      expect(await readFile('docs/sdk.md', 'utf8')).toContain(body);
    },
  );
});

describe('types', () => {
  it('say what comes back', () => {
    const wish = (request: LikenessRequest) => likeness.getImageToImage(request);
    const now = () => likeness.getImageToImage({ ...WISH, celery: true });
    const later = () => likeness.getImageToImage(WISH);
    expectTypeOf(wish).returns.resolves.toEqualTypeOf<PendingTask | SucceededTask>();
    expectTypeOf(now).returns.resolves.toEqualTypeOf<PendingTask>();
    expectTypeOf(later).returns.resolves.toEqualTypeOf<SucceededTask>();
    expectTypeOf(likeness.getTask).returns.resolves.toEqualTypeOf<LikenessTask | null>();
    expectTypeOf<Extract<LikenessTask, { status: 'FAILED' }>['error']>().toEqualTypeOf<AppError>();
    expectTypeOf<LikenessRequest['image']>().toEqualTypeOf<string | Blob | ImageBitmap>();
  });

  it('refuse what is wrong', () => {
    expectTypeOf<{ image: string }>().not.toExtend<LikenessRequest>();
    expectTypeOf<{ image: string; prompt: string; batch: string }>().not.toExtend<LikenessRequest>();
    expectTypeOf<{ image: string; prompt: string; scheduler: 'heun' }>().not.toExtend<LikenessRequest>();
    expectTypeOf<{ image: string; prompt: string; inference_type: 'a100' }>().toExtend<LikenessRequest>();
    expectTypeOf<File>().toExtend<LikenessRequest['image']>();
  });

  it('know every field of the API, by its name there', () => {
    const ours = ['appId', ...Object.keys(REQUEST_FIELDS)] as (keyof GenerationRequest)[];
    expect(Object.keys(FIELDS).sort()).toEqual(ours.map(wireName).sort());
  });
});

/** The compiler checks that none is missing and none too many. */
const FIELDS: Record<keyof LikenessRequest, true> = {
  app_id: true,
  image: true,
  prompt: true,
  batch: true,
  height: true,
  width: true,
  num_inference_steps: true,
  guidance_scale: true,
  negative_prompt: true,
  strength: true,
  celery: true,
  inference_type: true,
  seed: true,
  face_strength: true,
  denoise: true,
  reference_images: true,
  face_index: true,
  scheduler: true,
  face_points: true,
  keep_background: true,
  min_likeness: true,
  max_attempts: true,
  output_format: true,
};
