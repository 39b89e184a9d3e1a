/** Tasks as they outlive a page: what is kept of them, and the ports of the two stores that keep it. Plain data only. */
import { AppError, type ErrorCode } from './errors.ts';
import type { Adjustment, GenerationRequest, ImageSource } from './request.ts';
import type { GeneratedImage, GenerationTask, StageTimings, TaskState } from './task.ts';

/** Where a task stands among the others: wishes by time, the scenes of one wish by number. */
export interface TaskPlace {
  /** `Date.now()` of the wish. */
  readonly createdAt: number;
  /** 0-based. */
  readonly scene: number;
}

/** A task that is not finished, with the pictures that it needs. */
export interface PendingTask extends TaskPlace {
  readonly task: GenerationTask;
}

/** A request without the person's own pictures; addresses on the network stay. */
export type KeptRequest = Omit<GenerationRequest, 'image'> & { readonly image: ImageSource | null };

/** An AppError as plain data. */
export interface KeptError {
  readonly code: ErrorCode;
  readonly message: string;
  readonly retryable: boolean;
  readonly details: Readonly<Record<string, unknown>>;
}

export type TaskEnd =
  /** Times are those of the life that finished the task; see GenerationOutcome. */
  | {
      readonly status: 'done';
      readonly timings: StageTimings;
      readonly startupMs: number;
      readonly runtimeMs: number;
    }
  | { readonly status: 'failed'; readonly error: KeptError }
  | { readonly status: 'cancelled' };

/** A task that has ended; what was drawn until then stays, also of one that failed or was cancelled. */
export interface FinishedTask extends TaskPlace {
  readonly taskId: string;
  readonly request: KeptRequest;
  readonly adjustments: readonly Adjustment[];
  /** `Date.now()`. */
  readonly finishedAt: number;
  readonly end: TaskEnd;
}

export type KeptImages = ReadonlyMap<number, GeneratedImage<Blob>>;

/** The line of waiting tasks; written only by the tab that draws. */
export interface TaskLine {
  /** Ids of pending tasks, next first; those not named follow by their place. */
  readonly order: readonly string[];
  /** The task that is being drawn. */
  readonly running: string | null;
  /** How often the page ended abnormally while drawing it, since its last finished image. */
  readonly crashes: number;
}

/**
 * Pending tasks with the pictures that they need. Every method of both stores throws AppError `quota-exceeded` and
 * `storage-unavailable`.
 */
export interface TaskStore {
  /** What cannot be read any more is deleted, its ids are told; what a later version wrote is left alone. */
  all(): Promise<{ readonly tasks: readonly PendingTask[]; readonly damaged: readonly string[] }>;
  put(task: PendingTask): Promise<void>;
  /** With it goes the last copy of the person's pictures. */
  delete(taskId: string): Promise<void>;
  line(): Promise<TaskLine>;
  putLine(line: TaskLine): Promise<void>;
}

/** Finished images, and the tasks that they belong to, until the person deletes them. */
export interface ResultStore {
  /** As TaskStore.all; without the images. */
  all(): Promise<{ readonly tasks: readonly FinishedTask[]; readonly damaged: readonly string[] }>;
  /** By index; also of a task that is not finished. An image that is damaged is left out. */
  images(taskId: string): Promise<KeptImages>;
  putImage(taskId: string, image: GeneratedImage<Blob>): Promise<void>;
  finish(task: FinishedTask): Promise<void>;
  /** The task is pending again; its images stay. */
  reopen(taskId: string): Promise<void>;
  /** With all its images. */
  delete(taskId: string): Promise<void>;
}

/** What of a request may stay when its task has ended: no picture of the person, in whatever form it came. */
export function withoutPictures(request: KeptRequest): KeptRequest {
  const mayStay = (source: ImageSource | null): boolean => source?.kind === 'url' && /^https?:/i.test(source.url);
  return {
    ...request,
    image: mayStay(request.image) ? request.image : null,
    referenceImages: request.referenceImages.filter(mayStay),
  };
}

export function keptError({ code, message, retryable, details }: AppError): KeptError {
  try {
    return { code, message, retryable, details: structuredClone(details) };
  } catch {
    return { code, message, retryable, details: {} };
  }
}

/** The state that a finished task is in. */
export function endState({ end, adjustments }: FinishedTask, images: readonly GeneratedImage<Blob>[]): TaskState {
  switch (end.status) {
    case 'done': {
      const { timings, startupMs, runtimeMs } = end;
      return { status: 'done', outcome: { images, adjustments, timings, startupMs, runtimeMs } };
    }
    case 'failed': {
      const { code, message, retryable, details } = end.error;
      return { status: 'failed', error: new AppError(code, message, { retryable, details }) };
    }
    case 'cancelled':
      return { status: 'cancelled' };
  }
}
