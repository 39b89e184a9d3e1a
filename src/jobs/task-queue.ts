/** First in, first out, one task running at a time. States are told to listeners; cancelling is a state, not an error. */
import { toAppError } from '../domain/errors.ts';
import type { Engine } from '../domain/ports.ts';
import type { GenerationTask, TaskState } from '../domain/task.ts';

export interface TaskQueue {
  /** Queues the task; its states follow through `subscribe`. */
  add(task: GenerationTask): void;
  /** Takes a queued task out, or asks the engine to stop a running one between two steps. Unknown ids are ignored. */
  cancel(taskId: string): Promise<void>;
  subscribe(listener: TaskListener): () => void;
}

export type TaskListener = (taskId: string, state: TaskState) => void;

/** A queue in front of one engine. */
export function createTaskQueue(engine: Engine): TaskQueue {
  const waiting: GenerationTask[] = [];
  const listeners = new Set<TaskListener>();
  let running: GenerationTask | null = null;

  const tell = (taskId: string, state: TaskState): void => {
    for (const listener of listeners) listener(taskId, state);
  };
  const tellPositions = (): void => {
    waiting.forEach((task, position) => tell(task.taskId, { status: 'queued', position }));
  };

  engine.subscribe((event) => {
    if (event.type === 'progress' && running?.taskId === event.taskId) {
      tell(event.taskId, { status: 'running', progress: event.progress });
    }
  });

  async function runNext(): Promise<void> {
    if (running) return;
    const task = waiting.shift();
    if (!task) return;
    running = task;
    tellPositions();
    const state = await finalState(task);
    running = null;
    tell(task.taskId, state);
    void runNext();
  }

  async function finalState(task: GenerationTask): Promise<TaskState> {
    try {
      return await engine.submit(task);
    } catch (error) {
      return { status: 'failed', error: toAppError(error) };
    }
  }

  return {
    add(task) {
      waiting.push(task);
      tell(task.taskId, { status: 'queued', position: waiting.length - 1 });
      void runNext();
    },
    async cancel(taskId) {
      const index = waiting.findIndex((task) => task.taskId === taskId);
      if (index >= 0) {
        waiting.splice(index, 1);
        tell(taskId, { status: 'cancelled' });
        tellPositions();
        return;
      }
      await engine.cancel(taskId);
    },
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}
