/** The queue as everything that wishes for pictures sees it; `jobs` implements it. */
import type { AppError } from './errors.ts';
import type { KeptRequest, TaskPlace } from './kept-tasks.ts';
import type { Adjustment, GenerationRequest } from './request.ts';
import type { GeneratedImage, GenerationTask, TaskState } from './task.ts';

/** A task as it stands. */
export interface TaskSnapshot extends TaskPlace {
  readonly taskId: string;
  /** With its pictures while they are at hand. */
  readonly request: KeptRequest;
  readonly adjustments: readonly Adjustment[];
  readonly state: TaskState;
  /** What is drawn so far, by index. */
  readonly images: readonly GeneratedImage<Blob>[];
}

export type TaskEvent =
  /** A task that is new here: just wished for, by this tab or another one, or kept from an earlier visit. */
  | { readonly type: 'added'; readonly task: TaskSnapshot }
  | { readonly type: 'state'; readonly taskId: string; readonly state: TaskState }
  | { readonly type: 'image'; readonly taskId: string; readonly result: GeneratedImage<Blob> }
  | { readonly type: 'removed'; readonly taskId: string }
  /**
   * Something cannot be kept: it lives in this page only. Null: everything is kept again. Code `quota-exceeded`,
   * `storage-unavailable`, or `integrity` (details.tasks kept tasks could not be read any more).
   */
  | { readonly type: 'keeping'; readonly error: AppError | null };

/** The person's pictures that a task is drawn from. */
export type TaskPictures = Pick<GenerationRequest, 'image' | 'referenceImages'>;

/**
 * One task is drawn at a time, first come, first served. Tasks outlive reloads and crashes: one that was being drawn goes
 * on after its last finished image. All tabs see all tasks; only the one with the engine's turn draws.
 */
export interface TaskQueue {
  /** Queues the tasks of one wish, in order. They are listed at once; resolves when they are kept, or told not to be. */
  add(tasks: readonly GenerationTask[]): Promise<void>;
  /** Puts a waiting task at a position of the line, 0 = next. Others, and unknown ids, are ignored. */
  move(taskId: string, position: number): Promise<void>;
  /** Takes a waiting task out of the line, or stops the one being drawn between two steps. Unknown ids are ignored. */
  cancel(taskId: string): Promise<void>;
  cancelAll(): Promise<void>;
  /**
   * Queues a failed or cancelled task again under its id; images that it has are not drawn again. False when its pictures
   * are gone, as they are after a reload, and none are given.
   */
  retry(taskId: string, pictures?: TaskPictures): Promise<boolean>;
  /** Deletes a task that has ended, with its images. Others, and unknown ids, are ignored. */
  remove(taskId: string): Promise<void>;
  /** Resolves when the tasks of earlier visits are listed. */
  loaded(): Promise<void>;
  get(taskId: string): TaskSnapshot | null;
  /** By place. */
  list(): readonly TaskSnapshot[];
  subscribe(listener: (event: TaskEvent) => void): () => void;
}
