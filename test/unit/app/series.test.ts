import { describe, expect, it } from 'vitest';
import { createForm, type FormModel } from '../../../src/app/form.ts';
import { createReference, type ReferenceModel } from '../../../src/app/reference.ts';
import { createSeries, type SeriesModel } from '../../../src/app/series.ts';
import { actionForKey, createActions } from '../../../src/app/actions.ts';
import { signal } from '@preact/signals';
import { AppError } from '../../../src/domain/errors.ts';
import type { DetectedFace } from '../../../src/domain/image.ts';
import { en } from '../../../src/i18n/en.ts';
import type { EngineDouble } from '../../fixtures/engine-double.ts';
import { TEST_MODEL } from '../../fixtures/make-task.ts';
import { Site } from '../../fixtures/task-queue.ts';

const point = { x: 1, y: 2 };
const FACE: DetectedFace = {
  box: { left: 0, top: 0, right: 9, bottom: 9 },
  points: [point, { x: 5, y: 2 }, point, point, point],
  score: 1,
};

interface Page {
  readonly engine: EngineDouble;
  readonly form: FormModel;
  readonly reference: ReferenceModel;
  readonly series: SeriesModel;
}

async function makePage(site = new Site()): Promise<Page> {
  const tab = site.openTab();
  const { engine, queue } = tab;
  const form = createForm(null);
  const reference = createReference(() =>
    Promise.resolve({ file: new Blob(['face']), width: 10, height: 10, faces: [FACE] }),
  );
  await reference.open({ kind: 'blob', blob: new Blob(['face']) });
  const series = createSeries({ engine, queue, form, reference, model: () => TEST_MODEL });
  await tab.begin();
  form.values.prompt.value = 'a hat';
  form.values.batch.value = '2';
  return { engine, form, reference, series };
}

async function finished({ series }: Page): Promise<void> {
  while (series.busy.value) await new Promise((resolve) => setTimeout(resolve, 1));
}

describe('createSeries', () => {
  it('makes one series per line, in the order written, from one seed', async () => {
    const page = await makePage();
    page.form.values.prompt.value = 'red hat\nblue hat';
    expect(page.series.generate()).toBe(true);
    await finished(page);
    const list = page.series.list.value;
    expect(list.map(({ request }) => request.prompt)).toEqual(['red hat', 'blue hat']);
    expect(list.map(({ pictures }) => pictures.value.length)).toEqual([2, 2]);
    expect(list[0]!.request.seed).toBe(list[1]!.request.seed);
    expect(list[0]!.pictures.value[1]!.fileName).toMatch(/^likeness-red-hat-\d+\.png$/);
  });

  it('puts a later wish before an earlier one', async () => {
    const page = await makePage();
    page.series.generate();
    page.form.values.prompt.value = 'a beard';
    page.series.generate();
    await finished(page);
    expect(page.series.list.value.map(({ request }) => request.prompt)).toEqual(['a beard', 'a hat']);
  });

  it.each([
    ['prompt', ''],
    ['prompt', 'x'.repeat(5000)],
    ['width', '12'],
    ['height', 'NaN'],
    ['guidanceScale', '99'],
    ['seed', '-1'],
  ] as const)('marks %s when it is %j, keeps it, and starts nothing', async (field, entered) => {
    const page = await makePage();
    page.form.values[field].value = entered;
    expect(page.series.generate()).toBe(false);
    expect([...page.form.problems.value.keys()]).toEqual([field]);
    expect(page.form.values[field].value).toBe(entered);
    expect(page.engine.submitted).toHaveLength(0);
  });

  it('marks a missing face together with everything else that is not right', async () => {
    const page = await makePage();
    page.reference.remove();
    page.form.values.steps.value = '0';
    expect(page.series.generate()).toBe(false);
    expect([...page.form.problems.value.keys()].sort()).toEqual(['image', 'steps']);
  });

  it('shows pictures while others are being drawn, and cancels the rest', async () => {
    const page = await makePage();
    const { engine, series } = page;
    let reached: () => void = () => undefined;
    const second = new Promise<void>((resolve) => {
      reached = resolve;
    });
    engine.gate = (_task, image) => {
      if (image === 0) return Promise.resolve();
      reached();
      return new Promise(() => undefined);
    };
    series.generate();
    series.generate();
    await second;
    expect(series.running.value?.pictures.value).toHaveLength(1);
    await series.cancelAll();
    expect(series.list.value.map(({ state }) => state.value.status)).toEqual(['cancelled', 'cancelled']);
    expect(engine.submitted).toHaveLength(1);
  });

  it('shows the error of a task, and repeats it with the same request', async () => {
    const page = await makePage();
    const { engine, series } = page;
    engine.gate = () => Promise.reject(new AppError('out-of-memory', 'Full.'));
    series.generate();
    await finished(page);
    const failed = series.list.value[0]!;
    expect(failed.state.value).toMatchObject({ status: 'failed', error: { code: 'out-of-memory' } });
    engine.gate = () => Promise.resolve();
    await series.repeat(failed.id);
    await finished(page);
    expect(series.list.value).toHaveLength(1);
    expect(series.list.value[0]!.request).toEqual(failed.request);
    expect(series.list.value[0]!.state.value.status).toBe('done');
  });

  it('takes finished series off the page', async () => {
    const page = await makePage();
    page.series.generate();
    await finished(page);
    page.series.clear();
    expect(page.series.list.value).toEqual([]);
  });

  it('shows at the next visit what was finished, in the same order', async () => {
    const site = new Site();
    const page = await makePage(site);
    page.form.values.prompt.value = 'red hat\nblue hat';
    page.series.generate();
    page.form.values.prompt.value = 'a beard';
    page.series.generate();
    await finished(page);
    const next = await makePage(site);
    const list = next.series.list.value;
    expect(list.map(({ request }) => request.prompt)).toEqual(['a beard', 'red hat', 'blue hat']);
    expect(list.map(({ pictures }) => pictures.value.map(({ seed }) => seed))).toEqual(
      page.series.list.value.map(({ pictures }) => pictures.value.map(({ seed }) => seed)),
    );
    expect(list.map(({ runtimeMs }) => runtimeMs.value)).toEqual([1, 1, 1]);
  });

  it('tries again with the present face where the first one is gone, and asks for one where there is none', async () => {
    const site = new Site();
    const page = await makePage(site);
    page.engine.gate = () => Promise.reject(new AppError('no-face', 'None.'));
    page.series.generate();
    await finished(page);
    const next = await makePage(site);
    const failed = next.series.list.value[0]!;
    const { picture } = next.reference;
    expect(picture.value).not.toBeNull();
    next.reference.remove();
    await next.series.repeat(failed.id);
    expect([...next.form.problems.value.keys()]).toEqual(['image']);
    await next.reference.open({ kind: 'blob', blob: new Blob(['face']) });
    await next.series.repeat(failed.id);
    await finished(next);
    expect(next.series.list.value[0]!.state.value.status).toBe('done');
  });
});

describe('actionForKey', () => {
  it('finds the enabled action for a key, and none while composing', async () => {
    const page = await makePage();
    const actions = createActions({ ...page, messages: en, modelReady: signal(true) });
    const press = { key: 'Enter', ctrlKey: true, metaKey: false, isComposing: false };
    expect(actionForKey(actions, press)?.id).toBe('generate');
    expect(actionForKey(actions, { ...press, ctrlKey: false, metaKey: true })?.id).toBe('generate');
    expect(actionForKey(actions, { ...press, ctrlKey: false })).toBeNull();
    expect(actionForKey(actions, { ...press, isComposing: true })).toBeNull();

    const escape = { ...press, key: 'Escape', ctrlKey: false };
    expect(actionForKey(actions, escape)).toBeNull();
    page.series.generate();
    expect(actionForKey(actions, escape)?.id).toBe('cancel-all');
    page.reference.startPlacing();
    expect(actionForKey(actions, escape)?.id).toBe('stop-placing');
    await finished(page);
  });
});
