import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { FileDesk, type FileDeskOptions } from '../../../../cli/server/file-desk.ts';
import { AppError } from '../../../../src/domain/errors.ts';
import type { GenerationTask } from '../../../../src/domain/task.ts';
import { EngineDouble } from '../../../fixtures/engine-double.ts';
import { makeTask } from '../../../fixtures/make-task.ts';
import { TEST_API_MODEL } from '../../../fixtures/memory-desk.ts';
import { settle } from '../../engine/engine-contract.ts';

let folder: string;
const desks: FileDesk[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'likeness-desk-'));
});
afterEach(async () => {
  await Promise.all(desks.splice(0).map((desk) => desk.close()));
  await rm(folder, { recursive: true });
});

async function openDesk(options: Partial<FileDeskOptions> = {}) {
  const engine = new EngineDouble();
  const desk = await FileDesk.open({ engine, folder, models: [TEST_API_MODEL], ...options });
  desks.push(desk);
  return { engine: (options.engine as EngineDouble | undefined) ?? engine, desk };
}

const SECRET = 'data:image/png;base64,c2VjcmV0IGZhY2U=';
const task = (id: string, wish = {}): GenerationTask => makeTask(id, { image: SECRET, ...wish });
const status = async (desk: FileDesk, id: string) => (await desk.report(id))?.state.status;
const held = () => new Promise<void>(() => undefined);
async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  await vi.waitUntil(condition, { timeout: 10_000, interval: 5 });
}
/** As after a crash in the middle of computing: the lock of a process that is gone, and nothing was told to end. */
async function crash(desk: FileDesk): Promise<void> {
  desks.splice(desks.indexOf(desk), 1);
  await writeFile(join(folder, 'lock'), '999999999');
}

async function everythingOnDisk(): Promise<string> {
  const names = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = names.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  return (await Promise.all(files.map((file) => readFile(file, 'utf8')))).join('\n');
}

it('computes one at a time, in order, and keeps the pictures', async () => {
  const { desk, engine } = await openDesk();
  let running = 0;
  let most = 0;
  engine.gate = async () => {
    most = Math.max(most, ++running);
    await settle();
    running--;
  };
  for (const id of ['a', 'b', 'c']) await desk.submit(task(id, { batch: 2, output_format: 'png' }), null);
  await desk.ended('c');
  expect(most).toBe(1);
  expect(engine.submitted.map(({ taskId }) => taskId)).toEqual(['a', 'b', 'c']);
  expect(await (await desk.picture('b', 1))!.text()).toBe('8');
  expect(await desk.picture('b', 2)).toBeUndefined();
  expect(await desk.picture('../b', 0)).toBeUndefined();
});

it('keeps the reference on disk while a task needs it, and no longer', async () => {
  const { desk, engine } = await openDesk();
  let go = (): void => undefined;
  engine.gate = () => new Promise((resolve) => (go = resolve));
  await desk.submit(task('a'), null);
  await desk.submit(task('b'), null);
  await settle();
  expect(await everythingOnDisk()).toContain('c2VjcmV0');
  expect(engine.submitted[0]!.request.image).toEqual({ kind: 'url', url: SECRET });
  go();
  await desk.ended('a');
  await desk.cancel('b');
  expect(await everythingOnDisk()).not.toContain('c2VjcmV0');
});

it('a restart goes on with what waits, in order, and leaves what has ended', async () => {
  const first = await openDesk();
  await first.desk.submit(task('done'), null);
  await first.desk.ended('done');
  first.engine.gate = held;
  for (const id of ['a', 'b', 'c', 'd']) await first.desk.submit(task(id), null);
  await first.desk.cancel('c');
  await first.desk.close();
  expect(await readdir(folder)).toEqual(['tasks']);

  const second = await openDesk();
  await second.desk.ended('d');
  expect(second.engine.submitted.map(({ taskId }) => taskId)).toEqual(['a', 'b', 'd']);
  expect(second.engine.submitted[0]!.request).toEqual(first.engine.submitted[1]!.request);
  expect(await Promise.all(['done', 'a', 'b', 'c', 'd'].map((id) => status(second.desk, id)))).toEqual([
    'done',
    'done',
    'done',
    'cancelled',
    'done',
  ]);
  expect(await (await second.desk.picture('done', 0))!.text()).toBe('7');
});

it('shutting down answers who waits, takes nothing more, and ten restarts finish each task once', async () => {
  const finished: string[] = [];
  const ids = Array.from({ length: 10 }, (_, i) => `t${i}`);
  let { desk, engine } = await openDesk();
  engine.gate = held;
  for (const id of ids) await desk.submit(task(id), null);
  for (let life = 0; life < 10; life++) {
    const waiting = desk.ended('t9');
    if (life % 2 === 0) await desk.close();
    else await crash(desk);
    if (life % 2 === 0) await waiting;
    if (life === 0) await expect(desk.submit(task('x'), null)).rejects.toMatchObject({ code: 'unavailable' });
    engine = new EngineDouble();
    // One task gets through in each life, the next one is in the middle when the server ends.
    const before = finished.length;
    engine.gate = ({ taskId }) => {
      if (finished.length > before && life < 9) return held();
      finished.push(taskId);
      return Promise.resolve();
    };
    ({ desk } = await openDesk({ engine }));
    const expected = life < 9 ? 2 : 1;
    await until(async () => (await status(desk, `t${life}`)) === 'done' && engine.submitted.length === expected);
  }
  await desk.ended('t9');
  expect(finished).toEqual(ids);
  for (const id of ids) expect(await status(desk, id)).toBe('done');
});

it('a task during which the server dies again and again is given up', async () => {
  for (let life = 0; life < 3; life++) {
    const { desk, engine } = await openDesk();
    engine.gate = held;
    if (life === 0) await desk.submit(task('a'), null);
    await until(() => engine.submitted.length === 1);
    await crash(desk);
  }
  const { desk, engine } = await openDesk();
  expect((await desk.report('a'))!.state).toMatchObject({ status: 'failed', error: { code: 'worker-crashed' } });
  expect(engine.submitted).toEqual([]);
});

it('the same key is one task, also at the same time and after a restart; another request with it is an error', async () => {
  const { desk, engine } = await openDesk();
  const key = { key: 'k', fingerprint: 'f' };
  const ids = await Promise.all(['a', 'b', 'c'].map((id) => desk.submit(task(id), key)));
  expect(ids).toEqual(['a', 'a', 'a']);
  await desk.ended('a');
  await desk.close();
  const again = await openDesk();
  expect(await again.desk.submit(task('d'), key)).toBe('a');
  await expect(again.desk.submit(task('e'), { ...key, fingerprint: 'g' })).rejects.toMatchObject({
    code: 'invalid-request',
  });
  expect([...engine.submitted, ...again.engine.submitted].map(({ taskId }) => taskId)).toEqual(['a']);
});

it('a task whose thread dies is begun again, three times in all', async () => {
  const { desk, engine } = await openDesk();
  let deaths = 2;
  engine.gate = () => (deaths-- > 0 ? Promise.reject(new AppError('worker-crashed', 'Gone.')) : Promise.resolve());
  await desk.submit(task('a'), null);
  await desk.submit(task('b'), null);
  await desk.ended('a');
  expect([await status(desk, 'a'), engine.submitted.length]).toEqual(['done', 3]);
  await desk.ended('b');
  deaths = 3;
  await desk.submit(task('c'), null);
  await desk.ended('c');
  expect((await desk.report('c'))!.state).toMatchObject({ status: 'failed', error: { code: 'worker-crashed' } });
  expect(engine.submitted.map(({ taskId }) => taskId).join('')).toBe('aaabccc');
});

it('cancels what waits and what runs', async () => {
  const { desk, engine } = await openDesk();
  engine.gate = held;
  await desk.submit(task('a'), null);
  await desk.submit(task('b'), null);
  for (const id of ['b', 'a', 'nobody']) await desk.cancel(id);
  expect([await status(desk, 'a'), await status(desk, 'b')]).toEqual(['cancelled', 'cancelled']);
});

it('tells states and failures', async () => {
  const { desk, engine } = await openDesk();
  engine.gate = held;
  for (const id of ['a', 'b', 'c']) await desk.submit(task(id), null);
  await until(async () => (await status(desk, 'a')) === 'running');
  expect((await desk.report('a'))!.state).toMatchObject({ status: 'running', progress: { stage: 'denoise' } });
  expect((await desk.report('c'))!.state).toEqual({ status: 'queued', position: 1 });
  engine.gate = () => Promise.reject(new AppError('no-face', 'No face.'));
  await desk.cancel('a');
  await desk.ended('b');
  expect((await desk.report('b'))!.state).toMatchObject({ status: 'failed', error: { code: 'no-face' } });
});

it('has a limit of waiting and of kept tasks', async () => {
  const { desk, engine } = await openDesk({ limits: { waiting: 2, keptTasks: 2 } });
  engine.gate = held;
  await desk.submit(task('a'), null);
  await desk.submit(task('b'), null);
  await expect(desk.submit(task('c'), null)).rejects.toMatchObject({
    code: 'rate-limited',
    details: { retryAfterSeconds: 10 },
  });
  for (const id of ['a', 'b']) await desk.cancel(id);
  engine.gate = () => Promise.resolve();
  await desk.submit(task('d'), null);
  await desk.ended('d');
  await settle();
  expect((await readdir(join(folder, 'tasks'))).sort()).toEqual(['b', 'd']);
  expect(await desk.report('a')).toBeUndefined();
  await desk.close();
  const later = await openDesk({ limits: { keptMs: -1 } });
  expect(await later.desk.report('d')).toBeUndefined();
  expect(await readdir(join(folder, 'tasks'))).toEqual([]);
});

it('leaves what it cannot read, and the folder of another server, alone', async () => {
  await mkdir(join(folder, 'tasks', 'broken'), { recursive: true });
  await writeFile(join(folder, 'tasks', 'broken', 'task.json'), '{"format":1');
  const lines: string[] = [];
  const { desk } = await openDesk({ log: (line) => lines.push(line) });
  expect(lines.join()).toContain('broken cannot be read');
  await desk.submit(task('a'), null);
  await desk.close();
  await writeFile(join(folder, 'lock'), String(process.ppid));
  await expect(openDesk()).rejects.toThrow(/is used by another server/);
});
