/** What tabs of this site tell each other about tasks. Only the tab with the engine's turn draws and orders the line. */
import type { FinishedTask, PendingTask } from '../domain/kept-tasks.ts';
import type { TaskPictures } from '../domain/task-queue.ts';
import type { GeneratedImage, TaskProgress } from '../domain/task.ts';

export type TaskMessage =
  /** A tab has been opened and wants to know the line. */
  | { readonly type: 'hello' }
  | { readonly type: 'added'; readonly tasks: readonly PendingTask[] }
  /** From the tab that draws: the waiting tasks, next first, with the time until each is finished. */
  | { readonly type: 'line'; readonly waiting: readonly (readonly [taskId: string, etaMs: number | null])[] }
  | { readonly type: 'progress'; readonly taskId: string; readonly progress: TaskProgress }
  | { readonly type: 'image'; readonly taskId: string; readonly result: GeneratedImage<Blob> }
  | { readonly type: 'ended'; readonly task: FinishedTask }
  | { readonly type: 'removed'; readonly taskId: string }
  /** To the tab that draws. */
  | { readonly type: 'cancel'; readonly taskId: string }
  | { readonly type: 'cancel-all' }
  | { readonly type: 'move'; readonly taskId: string; readonly position: number }
  | { readonly type: 'retry'; readonly taskId: string; readonly pictures: TaskPictures };

export interface TaskChannel {
  /** Heard by all other tabs, not by this one. */
  post(message: TaskMessage): void;
  subscribe(listener: (message: TaskMessage) => void): void;
}

/** One BroadcastChannel; without it a tab hears of the others at its next visit. */
export function openTaskChannel(): TaskChannel {
  const wide = 'BroadcastChannel' in globalThis ? new BroadcastChannel('likeness-tasks') : null;
  // Node keeps running for an open channel; browsers have no `unref`.
  (wide as { unref?: () => void } | null)?.unref?.();
  return {
    post: (message) => wide?.postMessage(message),
    subscribe(listener) {
      if (wide !== null) wide.onmessage = ({ data }: MessageEvent<TaskMessage>) => listener(data);
    },
  };
}
