import { describe, expect, it } from 'vitest';
import { AppError } from '../../../src/domain/errors.ts';
import type { Engine, EngineResult } from '../../../src/domain/ports.ts';
import type { GenerationTask, TaskState } from '../../../src/domain/task.ts';
import { createTaskQueue } from '../../../src/jobs/task-queue.ts';

/** An engine whose tasks end when the test says so. */
function manualEngine() {
  const open = new Map<string, { resolve: (result: EngineResult) => void; reject: (error: Error) => void }>();
  const started: string[] = [];
  const engine: Engine = {
    submit: (task) => {
      started.push(task.taskId);
      return new Promise((resolve, reject) => open.set(task.taskId, { resolve, reject }));
    },
    cancel: (taskId) => {
      open.get(taskId)?.resolve({ status: 'cancelled' });
      return Promise.resolve();
    },
    subscribe: () => () => undefined,
    capabilities: () => Promise.reject(new Error('not asked')),
  };
  return { engine, open, started };
}

const task = (taskId: string) => ({ taskId, request: {}, adjustments: [] }) as unknown as GenerationTask;
const outcome = { images: [], adjustments: [], timings: {}, startupMs: 0, runtimeMs: 0 };
const settle = () => new Promise((resolve) => setTimeout(resolve, 0));

function watch(engine: Engine) {
  const queue = createTaskQueue(engine);
  const states: string[] = [];
  queue.subscribe((id, state: TaskState) =>
    states.push(`${id}:${state.status}${state.status === 'queued' ? state.position : ''}`),
  );
  return { queue, states };
}

describe('task queue', () => {
  it('runs one at a time, in order, and goes on after a failure', async () => {
    const { engine, open, started } = manualEngine();
    const { queue, states } = watch(engine);
    for (const id of ['a', 'b', 'c']) queue.add(task(id));
    expect(started).toEqual(['a']);
    open.get('a')!.reject(new AppError('no-face', 'none'));
    await settle();
    expect(started).toEqual(['a', 'b']);
    open.get('b')!.resolve({ status: 'done', outcome });
    await settle();
    expect(started).toEqual(['a', 'b', 'c']);
    expect(states).toEqual(['a:queued0', 'b:queued0', 'c:queued1', 'a:failed', 'c:queued0', 'b:done']);
  });

  it('takes a waiting task out without starting it', async () => {
    const { engine, open, started } = manualEngine();
    const { queue, states } = watch(engine);
    for (const id of ['a', 'b', 'c']) queue.add(task(id));
    await queue.cancel('b');
    open.get('a')!.resolve({ status: 'done', outcome });
    await settle();
    expect(started).toEqual(['a', 'c']);
    expect(states).toContain('b:cancelled');
  });

  it('asks the engine to stop a running one', async () => {
    const { engine } = manualEngine();
    const { queue, states } = watch(engine);
    queue.add(task('a'));
    await queue.cancel('a');
    await settle();
    expect(states.at(-1)).toBe('a:cancelled');
  });
});
