import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { AppError } from '../../../src/domain/errors.ts';
import { makeTask } from '../../fixtures/make-task.ts';
import { holdAt, Site, until, type Tab } from '../../fixtures/task-queue.ts';
import { openKeyValueStore } from '../../../src/storage/key-value-store.ts';

let site: Site;
beforeEach(() => {
  site = new Site();
});
afterEach(() => vi.unstubAllGlobals());

const ids = (tab: Tab): readonly string[] => tab.engine.submitted.map(({ taskId }) => taskId);
const tasks = (...names: string[]) => names.map((name) => makeTask(name));
const full = (database: string) => new AppError('quota-exceeded', 'Full.', { details: { database } });

function troubles(tab: Tab): readonly (AppError | null)[] {
  return tab.events.flatMap((event) => (event.type === 'keeping' ? [event.error] : []));
}

async function textsOf(tab: Tab, taskId: string): Promise<readonly string[]> {
  return Promise.all(tab.queue.get(taskId)!.images.map(({ image }) => image.text()));
}

describe('order', () => {
  it('runs one at a time, first come first served, and goes on after a failure', async () => {
    const tab = site.openTab();
    await tab.begin();
    let busy = 0;
    tab.engine.gate = async (task) => {
      busy += 1;
      expect(busy).toBe(1);
      await new Promise((resolve) => setTimeout(resolve, 2));
      busy -= 1;
      if (task.taskId === 'a') throw new AppError('no-face', 'none');
    };
    await tab.queue.add(tasks('a', 'b'));
    await tab.queue.add(tasks('c'));
    await tab.finished();
    expect(ids(tab)).toEqual(['a', 'b', 'c']);
    expect(tab.statuses()).toEqual({ a: 'failed', b: 'done', c: 'done' });
  });

  it('tells positions, which fall as others finish', async () => {
    const tab = site.openTab();
    await tab.begin();
    await tab.queue.add(tasks('a', 'b', 'c'));
    await tab.finished();
    const told = tab.events.flatMap((event) =>
      event.type === 'state' && event.taskId === 'c' && event.state.status === 'queued' ? [event.state.position] : [],
    );
    expect([...new Set(told)]).toEqual([2, 1, 0]);
  });

  it('moves a waiting task to any place of the line, and keeps the order over a crash', async () => {
    const tab = site.openTab();
    const { reached } = holdAt(tab.engine, 'a', 0);
    await tab.begin();
    await tab.queue.add(tasks('a', 'b', 'c', 'd'));
    await reached;
    await tab.queue.move('d', 0);
    expect(tab.line()).toEqual(['d', 'b', 'c']);
    await tab.queue.move('d', 99);
    expect(tab.line()).toEqual(['b', 'c', 'd']);
    await tab.queue.move('c', -3);
    await tab.queue.move('a', 0); // is being drawn
    await tab.queue.move('nobody', 0);
    expect(tab.line()).toEqual(['c', 'b', 'd']);
    tab.crash();

    const next = site.openTab();
    await next.begin();
    await next.finished();
    expect(ids(next)).toEqual(['a', 'c', 'b', 'd']);
  });
});

describe('cancel and retry', () => {
  it('takes a waiting task out without starting it', async () => {
    const tab = site.openTab();
    const { reached, release } = holdAt(tab.engine, 'a', 0);
    await tab.begin();
    await tab.queue.add(tasks('a', 'b', 'c'));
    await reached;
    await tab.queue.cancel('b');
    await tab.queue.cancel('nobody');
    release();
    await tab.finished();
    expect(ids(tab)).toEqual(['a', 'c']);
    expect(tab.statuses()).toEqual({ a: 'done', b: 'cancelled', c: 'done' });
  });

  it('stops the running one, keeps what it has drawn, and goes on with the next', async () => {
    const tab = site.openTab();
    const { reached } = holdAt(tab.engine, 'a', 2);
    await tab.begin();
    await tab.queue.add([makeTask('a', { batch: 4 }), makeTask('b')]);
    await reached;
    await tab.queue.cancel('a');
    await tab.finished();
    expect(tab.statuses()).toEqual({ a: 'cancelled', b: 'done' });
    expect(await textsOf(tab, 'a')).toEqual(['7', '8']);
  });

  it('cancels all: nothing starts any more', async () => {
    const tab = site.openTab();
    const { reached } = holdAt(tab.engine, 'a', 0);
    await tab.begin();
    await tab.queue.add(tasks('a', 'b', 'c'));
    await reached;
    await tab.queue.cancelAll();
    await tab.finished();
    expect(ids(tab)).toEqual(['a']);
    expect(tab.statuses()).toEqual({ a: 'cancelled', b: 'cancelled', c: 'cancelled' });
    // Nothing comes back at the next visit.
    const next = site.openTab();
    await next.begin();
    expect(next.statuses()).toEqual({ a: 'cancelled', b: 'cancelled', c: 'cancelled' });
    expect(ids(next)).toEqual([]);
  });

  it('tries a failed task again under its id, without drawing again what it has', async () => {
    const tab = site.openTab();
    tab.engine.gate = (_task, image) =>
      image === 1 ? Promise.reject(new AppError('out-of-memory', 'Full.')) : Promise.resolve();
    await tab.begin();
    await tab.queue.add([makeTask('a', { batch: 3 })]);
    await tab.finished();
    expect(tab.statuses()).toEqual({ a: 'failed' });
    tab.engine.gate = () => Promise.resolve();
    expect(await tab.queue.retry('a')).toBe(true);
    await tab.finished();
    expect(tab.engine.submitted.map(({ only }) => only)).toEqual([undefined, [1, 2]]);
    expect(await textsOf(tab, 'a')).toEqual(['7', '8', '9']);
    expect(await tab.queue.retry('a')).toBe(false); // done
  });

  it('needs the pictures again after a reload', async () => {
    const tab = site.openTab();
    tab.engine.gate = () => Promise.reject(new AppError('no-face', 'none'));
    await tab.begin();
    await tab.queue.add(tasks('a'));
    await tab.finished();
    const next = site.openTab();
    await next.begin();
    expect(next.queue.get('a')!.state).toMatchObject({
      status: 'failed',
      error: { name: 'AppError', code: 'no-face' },
    });
    expect(next.queue.get('a')!.request.image).toBeNull();
    expect(await next.queue.retry('a')).toBe(false);
    const image = { kind: 'blob', blob: new Blob(['face']) } as const;
    expect(await next.queue.retry('a', { image, referenceImages: [] })).toBe(true);
    await next.finished();
    expect(next.statuses()).toEqual({ a: 'done' });
  });
});

describe('resume', () => {
  it('goes on after the last finished image, with the same images as an undisturbed run', async () => {
    const tab = site.openTab();
    const { reached } = holdAt(tab.engine, 'b', 2);
    await tab.begin();
    await tab.queue.add([makeTask('a'), makeTask('b', { batch: 4 }), makeTask('c')]);
    await reached;
    await until(async () => (await tab.results.images('b')).size === 2);
    tab.crash();

    const next = site.openTab();
    await next.begin();
    await next.finished();
    expect(next.engine.submitted.map(({ taskId, only }) => [taskId, only])).toEqual([
      ['b', [2, 3]],
      ['c', undefined],
    ]);
    expect(await textsOf(next, 'b')).toEqual(['7', '8', '9', '10']);
    expect(next.statuses()).toEqual({ a: 'done', b: 'done', c: 'done' });
    const running = next.events.flatMap((event) =>
      event.type === 'state' && event.taskId === 'b' && event.state.status === 'running' ? [event.state.progress] : [],
    );
    expect(running[0]!.progress).toBeGreaterThanOrEqual(0.5);
  });

  it('never runs a finished task twice, also when the page ended before it was taken off the line', async () => {
    const tab = site.openTab({ tasks: { delete: () => new Promise(() => undefined) } });
    await tab.begin();
    void tab.queue.add(tasks('a'));
    await until(async () => (await tab.results.all()).tasks.length === 1);
    tab.crash();
    expect((await tab.tasks.all()).tasks).toHaveLength(1);

    const next = site.openTab();
    await next.begin();
    await next.finished();
    expect(ids(next)).toEqual([]);
    expect(next.statuses()).toEqual({ a: 'done' });
    expect((await next.tasks.all()).tasks).toEqual([]);
  });

  it('draws nothing again when only the end was not written down', async () => {
    const tab = site.openTab({ results: { finish: () => new Promise(() => undefined) } });
    await tab.begin();
    void tab.queue.add([makeTask('a', { batch: 2 })]);
    await until(async () => (await tab.results.images('a')).size === 2);
    tab.crash();
    const next = site.openTab();
    await next.begin();
    await next.finished();
    expect(ids(next)).toEqual([]);
    expect(await textsOf(next, 'a')).toEqual(['7', '8']);
  });

  it('a worker that ends is followed by another one; a task that ends every worker fails', async () => {
    const tab = site.openTab();
    let ends = 0;
    tab.engine.gate = (task, image) => {
      if (task.taskId === 'a' && image === 1 && ends++ < 2) {
        return Promise.reject(new AppError('worker-crashed', 'Gone.', { retryable: true }));
      }
      return task.taskId === 'b' ? Promise.reject(new AppError('device-lost', 'Gone.')) : Promise.resolve();
    };
    await tab.begin();
    await tab.queue.add([makeTask('a', { batch: 3 }), makeTask('b')]);
    await tab.finished();
    expect(tab.engine.submitted.slice(0, 3).map(({ only }) => only)).toEqual([undefined, [1, 2], [1, 2]]);
    expect(ids(tab).filter((id) => id === 'b')).toHaveLength(5);
    expect(tab.queue.get('b')!.state).toMatchObject({ status: 'failed', error: { code: 'device-lost' } });
    expect(tab.queue.get('a')!.state.status).toBe('done');
  });

  it('a task that ends the page three times is not tried a fourth time; the others are drawn', async () => {
    for (let life = 0; life < 3; life++) {
      const tab = site.openTab();
      const { reached } = holdAt(tab.engine, 'a', 0);
      await tab.begin(life > 0);
      if (life === 0) await tab.queue.add(tasks('a', 'b'));
      await reached;
      await until(async () => (await tab.tasks.line()).crashes === life);
      tab.crash();
    }
    const last = site.openTab();
    await last.begin(true);
    await last.finished();
    expect(ids(last)).toEqual(['b']);
    expect(last.queue.get('a')!.state).toMatchObject({ status: 'failed', error: { code: 'worker-crashed' } });
  });
});

describe('tabs', () => {
  it('all see what one draws, and wish, order and cancel through it', async () => {
    const here = site.openTab();
    const there = site.openTab();
    const { reached, release } = holdAt(here.engine, 'a', 1);
    await here.begin();
    await there.queue.watch();
    await here.queue.add([makeTask('a', { batch: 2 }), makeTask('b')]);
    await reached;
    await there.queue.add(tasks('c', 'd'));
    expect(there.queue.get('a')!.state.status).toBe('running');
    expect(await textsOf(there, 'a')).toEqual(['7']);
    await there.queue.move('d', 0);
    expect(here.line()).toEqual(['d', 'b', 'c']);
    expect(there.line()).toEqual(['d', 'b', 'c']);
    await there.queue.cancel('c');
    await until(() => there.statuses()['c'] === 'cancelled');
    release();
    await there.finished();
    expect(ids(here)).toEqual(['a', 'd', 'b']);
    expect(ids(there)).toEqual([]);
    expect(there.statuses()).toEqual(here.statuses());
    await there.queue.remove('a');
    expect(here.queue.get('a')).toBeNull();
  });

  it('what a tab has drawn and could not tell any more is told by the next one', async () => {
    const here = site.openTab();
    const there = site.openTab();
    const { reached } = holdAt(here.engine, 'a', 1);
    await here.begin();
    await there.queue.watch();
    await here.queue.add([makeTask('a', { batch: 3 })]);
    await reached;
    here.crash();
    await here.results.putImage('a', { index: 1, seed: 8, likeness: null, image: new Blob(['8']) });
    await there.begin();
    await there.finished();
    const told = there.events.flatMap((event) => (event.type === 'image' ? [event.result.index] : []));
    expect(told).toEqual([0, 1, 2]);
    expect(there.engine.submitted.map(({ only }) => only)).toEqual([[2]]);
  });

  it('another tab takes over in the middle of a task, and gives it back', async () => {
    const here = site.openTab();
    const there = site.openTab();
    await there.queue.watch();
    const first = holdAt(here.engine, 'a', 1);
    await here.begin();
    await here.queue.add([makeTask('a', { batch: 4 }), makeTask('b')]);
    await first.reached;
    await here.queue.end(() => here.engine.cancel('a'));
    expect(here.line()).toEqual(['a', 'b']);
    const second = holdAt(there.engine, 'a', 3);
    await there.begin();
    await second.reached;
    await there.queue.end(() => there.engine.cancel('a'));
    here.engine.gate = () => Promise.resolve();
    await here.begin();
    await here.finished();
    expect(here.engine.submitted.map(({ taskId, only }) => [taskId, only])).toEqual([
      ['a', undefined],
      ['a', [3]],
      ['b', undefined],
    ]);
    expect(there.engine.submitted.map(({ only }) => only)).toEqual([[1, 2, 3]]);
    expect(await textsOf(here, 'a')).toEqual(['7', '8', '9', '10']);
    await until(() => there.statuses()['b'] === 'done');
  });
});

describe('what is kept', () => {
  it('request, adjustments, seeds and images; of the person’s pictures nothing once the task has ended', async () => {
    const tab = site.openTab();
    const held = holdAt(tab.engine, 'a', 0);
    await tab.begin();
    const more = [new Blob(['more']), 'https://example.test/face.png', 'data:image/png;base64,AAAA'];
    await tab.queue.add([makeTask('a', { batch: 2, steps: 50, referenceImages: more })]);
    await held.reached;
    const [kept] = (await tab.tasks.all()).tasks;
    expect(kept!.task.request).toMatchObject({ image: { kind: 'blob' }, prompt: 'a test' });
    expect(await (kept!.task.request.image as { blob: Blob }).blob.text()).toBe('face');
    held.release();
    await tab.finished();

    expect((await tab.tasks.all()).tasks).toEqual([]);
    const raw = openKeyValueStore<unknown>('likeness-queue');
    expect(await raw.keys()).toEqual(['line']);
    const next = site.openTab();
    await next.begin();
    const task = next.queue.get('a')!;
    expect(task.request).toMatchObject({
      prompt: 'a test',
      image: null,
      referenceImages: [{ kind: 'url', url: 'https://example.test/face.png' }],
    });
    expect(task.adjustments).toMatchObject([{ field: 'steps', from: 50, to: 8 }]);
    expect(task.images.map(({ seed, likeness }) => [seed, likeness])).toEqual([
      [7, 0.5],
      [8, 0.5],
    ]);
    expect(task.state).toMatchObject({ status: 'done', outcome: { runtimeMs: 1 } });
    await next.queue.remove('a');
    expect(await openKeyValueStore('likeness-results').keys()).toEqual([]);
  });

  it.each([
    ['without a field', (record: Record<string, unknown>) => ({ ...record, request: { prompt: 'half' } })],
    [
      'with a field out of its range',
      (record: Record<string, unknown>) => {
        return { ...record, request: { ...(record.request as object), batch: 900 } };
      },
    ],
    [
      'without its picture',
      (record: Record<string, unknown>) => {
        return { ...record, request: { ...(record.request as object), image: { kind: 'blob' } } };
      },
    ],
    ['that is something else', () => 'noise'],
    ['that is empty', () => null],
  ])('a record %s is removed and told; the others are drawn', async (_what, damage) => {
    const tab = site.openTab();
    await tab.queue.add(tasks('a', 'b', 'c'));
    tab.crash();
    const raw = openKeyValueStore<Record<string, unknown>>('likeness-queue');
    await raw.set('task/b', damage((await raw.get('task/b'))!) as Record<string, unknown>);
    const next = site.openTab();
    await next.begin();
    await next.finished();
    expect(next.statuses()).toEqual({ a: 'done', c: 'done' });
    expect(troubles(next)).toMatchObject([{ code: 'integrity', details: { tasks: 1 } }]);
    expect((await raw.keys()).filter((key) => key.startsWith('task/'))).toEqual([]);
  });

  it('keeps a task whose size is its model’s own and smaller than one may wish for', async () => {
    const tab = site.openTab();
    const task = makeTask('a');
    await tab.queue.add([{ ...task, request: { ...task.request, width: 128, height: 128 } }]);
    tab.crash();
    const next = site.openTab();
    await next.begin();
    await next.finished();
    const last = site.openTab();
    await last.begin();
    expect(last.statuses()).toEqual({ a: 'done' });
    expect(troubles(last)).toEqual([]);
  });

  it('a damaged image is drawn again, a damaged line costs only the order, a later version’s record is left alone', async () => {
    const tab = site.openTab();
    const { reached } = holdAt(tab.engine, 'a', 2);
    await tab.begin();
    await tab.queue.add([makeTask('a', { batch: 3 }), makeTask('b'), makeTask('z')]);
    await reached;
    await until(async () => (await tab.results.images('a')).size === 2);
    tab.crash();
    await openKeyValueStore<unknown>('likeness-results').set('image/a/0', { version: 1, index: 0, seed: 'x' });
    const raw = openKeyValueStore<Record<string, unknown>>('likeness-queue');
    await raw.set('line', { version: 1, order: 'nonsense' });
    const later = { ...(await raw.get('task/z')), version: 2 };
    await raw.set('task/z', later);
    const next = site.openTab();
    await next.begin();
    await next.finished();
    expect(next.engine.submitted.map(({ taskId, only }) => [taskId, only])).toEqual([
      ['a', [0, 2]],
      ['b', undefined],
    ]);
    expect(await textsOf(next, 'a')).toEqual(['7', '8', '9']);
    expect(await raw.get('task/z')).toMatchObject({ version: 2 });
  });

  it('a full disk is told, the pictures stay on the page, and are written when there is room', async () => {
    let isFull = false;
    const whenRoom = <A extends unknown[]>(work: (...args: A) => Promise<void>) => {
      return (...args: A) => (isFull ? Promise.reject(full('likeness-results')) : work(...args));
    };
    const real = site.openTab();
    const tab = site.openTab({
      tasks: { put: whenRoom((task) => real.tasks.put(task)) },
      results: {
        putImage: whenRoom((taskId, image) => real.results.putImage(taskId, image)),
        finish: whenRoom((task) => real.results.finish(task)),
      },
    });
    real.crash();
    await tab.begin();
    await tab.queue.add(tasks('old'));
    await tab.finished();
    isFull = true;
    await tab.queue.add([makeTask('a', { batch: 2 })]);
    await tab.finished();
    expect(tab.statuses()).toEqual({ old: 'done', a: 'done' });
    expect(await textsOf(tab, 'a')).toEqual(['7', '8']);
    expect(tab.events.findLast(({ type }) => type === 'keeping')).toMatchObject({ error: { code: 'quota-exceeded' } });
    expect((await tab.results.images('a')).size).toBe(0);
    isFull = false;
    await tab.queue.remove('old');
    expect(tab.events.findLast(({ type }) => type === 'keeping')).toEqual({ type: 'keeping', error: null });
    const next = site.openTab();
    await next.begin();
    expect(await textsOf(next, 'a')).toEqual(['7', '8']);
    expect(ids(next)).toEqual([]);
  });

  it('images that could not be kept before the page ended are drawn again', async () => {
    const tab = site.openTab({ results: { putImage: () => Promise.reject(full('likeness-results')) } });
    await tab.begin();
    await tab.queue.add([makeTask('a', { batch: 2 })]);
    await tab.finished();
    expect(tab.statuses()).toEqual({ a: 'done' });
    tab.crash();
    const next = site.openTab();
    await next.begin();
    await next.finished();
    expect(ids(next)).toEqual(['a']);
    expect(await textsOf(next, 'a')).toEqual(['7', '8']);
  });

  it('without storage everything is drawn all the same, and it is told', async () => {
    const gone = () => Promise.reject(new AppError('storage-unavailable', 'No.'));
    const tab = site.openTab({
      tasks: { all: gone, put: gone, delete: gone, line: gone, putLine: gone },
      results: { all: gone, images: gone, putImage: gone, finish: gone, reopen: gone, delete: gone },
    });
    await tab.begin();
    await tab.queue.add(tasks('a', 'b'));
    await tab.finished();
    expect(tab.statuses()).toEqual({ a: 'done', b: 'done' });
    expect(troubles(tab)[0]).toMatchObject({ code: 'storage-unavailable' });
  });
});
