import { expect, it } from 'vitest';
import { AppError } from '../../../src/domain/errors.ts';
import type { Engine } from '../../../src/domain/ports.ts';
import type { GenerationEvent } from '../../../src/domain/task.ts';
import { makeTask } from '../../fixtures/make-task.ts';

export interface EngineUnderTest {
  readonly engine: Engine;
  /** From now on every image waits until the returned function is called. */
  hold(): () => void;
  /** The next image fails like this. */
  failWith(error: AppError): void;
}

/** What every engine has to keep; each implementation's test calls this. */
export function engineContract(make: () => EngineUnderTest): void {
  it('gives as many images as asked for, with consecutive seeds, as files', async () => {
    const { engine } = make();
    const result = await engine.submit(makeTask('a', { batch: 3, seed: 2 ** 32 - 2 }));
    if (result.status !== 'done') throw new Error(result.status);
    expect(result.outcome.images.map(({ index, seed }) => [index, seed])).toEqual([
      [0, 2 ** 32 - 2],
      [1, 2 ** 32 - 1],
      [2, 0],
    ]);
    for (const { image } of result.outcome.images) expect(image).toBeInstanceOf(Blob);
  });

  it('draws only the images that are missing, each as in the whole batch', async () => {
    const { engine } = make();
    const whole = makeTask('a', { batch: 4, seed: 40 });
    const result = await engine.submit({ ...whole, only: [1, 3] });
    if (result.status !== 'done') throw new Error(result.status);
    expect(result.outcome.images.map(({ index, seed }) => [index, seed])).toEqual([
      [1, 41],
      [3, 43],
    ]);
  });

  it('tells progress and each image under the task id', async () => {
    const { engine } = make();
    const events: GenerationEvent<Blob>[] = [];
    const unsubscribe = engine.subscribe((event) => events.push(event));
    await engine.submit(makeTask('a', { batch: 2 }));
    await settle();
    expect(events.every((event) => event.taskId === 'a')).toBe(true);
    expect(events.filter((event) => event.type === 'image')).toHaveLength(2);
    expect(events.some((event) => event.type === 'progress')).toBe(true);

    unsubscribe();
    const before = events.length;
    await engine.submit(makeTask('b'));
    await settle();
    expect(events).toHaveLength(before);
  });

  it('hands the adjustments on', async () => {
    const { engine } = make();
    const result = await engine.submit(makeTask('a', { steps: 50 }));
    if (result.status !== 'done') throw new Error(result.status);
    expect(result.outcome.adjustments).toMatchObject([{ field: 'steps', from: 50, to: 8 }]);
  });

  it('ends a cancelled task as cancelled, and cancel waits for it', async () => {
    const bench = make();
    const { engine } = bench;
    const release = bench.hold();
    const running = engine.submit(makeTask('a'));
    await settle();
    await engine.cancel('a');
    expect(await running).toEqual({ status: 'cancelled' });
    release();
    expect(await engine.submit(makeTask('b'))).toMatchObject({ status: 'done' });
  });

  it('ignores a cancel for a task that it does not know', async () => {
    const { engine } = make();
    await expect(engine.cancel('nobody')).resolves.toBeUndefined();
  });

  it('rejects with the AppError, and works afterwards', async () => {
    const bench = make();
    const { engine } = bench;
    bench.failWith(new AppError('no-face', 'No face.', { details: { found: 0 } }));
    await expect(engine.submit(makeTask('a'))).rejects.toMatchObject({
      name: 'AppError',
      code: 'no-face',
      details: { found: 0 },
    });
    expect(await engine.submit(makeTask('b'))).toMatchObject({ status: 'done' });
  });
}

/** Lets messages in flight arrive. */
export async function settle(): Promise<void> {
  for (let i = 0; i < 5; i++) await new Promise((resolve) => setTimeout(resolve, 2));
}
