import {
  endState,
  withoutPictures,
  type FinishedTask,
  type KeptRequest,
  type PendingTask,
} from '../domain/kept-tasks.ts';
import type { Adjustment } from '../domain/request.ts';
import type { TaskSnapshot } from '../domain/task-queue.ts';
import type { GeneratedImage, GenerationTask, TaskState } from '../domain/task.ts';

/** One task as the queue holds it. */
export interface Entry {
  readonly taskId: string;
  readonly createdAt: number;
  readonly scene: number;
  /** With its pictures; null when they are gone. */
  task: GenerationTask | null;
  request: KeptRequest;
  adjustments: readonly Adjustment[];
  state: TaskState;
  finished: FinishedTask | null;
  readonly images: Map<number, GeneratedImage<Blob>>;
  /** Images that are in this page only. */
  readonly unsaved: Set<number>;
  /** Whether its record is written. */
  isKept: boolean;
  /** What is being written, one after the other. */
  writes: Promise<void>;
}

const LAST_IN_LINE: TaskState = { status: 'queued', position: 0 };

export function pendingEntry({ task, createdAt, scene }: PendingTask, isKept: boolean): Entry {
  const { taskId, request, adjustments } = task;
  const waiting = { task, request, adjustments, state: LAST_IN_LINE, finished: null };
  return { taskId, createdAt, scene, ...waiting, ...noImages(), isKept, writes: Promise.resolve() };
}

export function finishedEntry(finished: FinishedTask): Entry {
  const { taskId, createdAt, scene, request, adjustments } = finished;
  const state = endState(finished, []);
  const ended = { task: null, request, adjustments, state, finished };
  return { taskId, createdAt, scene, ...ended, ...noImages(), isKept: true, writes: Promise.resolve() };
}

/** The task has ended, here or in another tab. Pictures stay in memory only where trying again may need them. */
export function enterEnd(entry: Entry, finished: FinishedTask): void {
  entry.finished = finished;
  entry.adjustments = finished.adjustments;
  entry.state = endState(finished, imagesOf(entry));
  if (finished.end.status !== 'done') return;
  entry.task = null;
  entry.request = withoutPictures(entry.request);
}

export function imagesOf({ images }: Entry): readonly GeneratedImage<Blob>[] {
  return [...images.values()].sort((a, b) => a.index - b.index);
}

export function snapshot(entry: Entry): TaskSnapshot {
  const { taskId, createdAt, scene, request, adjustments, state } = entry;
  return { taskId, createdAt, scene, request, adjustments, state, images: imagesOf(entry) };
}

export function byPlace(a: Pick<Entry, 'createdAt' | 'scene'>, b: Pick<Entry, 'createdAt' | 'scene'>): number {
  return a.createdAt - b.createdAt || a.scene - b.scene;
}

function noImages(): Pick<Entry, 'images' | 'unsaved'> {
  return { images: new Map(), unsaved: new Set() };
}
