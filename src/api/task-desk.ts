/** What the API asks of whoever keeps the tasks: the queue behind `serve`, or the page behind the service worker. */
import type { ModelLimits } from '../domain/request-fields.ts';
import type { Adjustment, GenerationRequest } from '../domain/request.ts';
import type { GenerationOutcome, GenerationTask, TaskState } from '../domain/task.ts';
import type { ReportedRequest } from './wire-request.ts';

/** A model that requests may name. */
export interface ApiModel {
  readonly id: string;
  readonly title: string;
  readonly native: { readonly width: number; readonly height: number } | null;
  /** Null = not installed. */
  readonly limits: ModelLimits | null;
}

/** A task's state with its pictures by name; their bytes come by `picture`. */
export type ReportedState =
  | Exclude<TaskState, { readonly status: 'done' }>
  | { readonly status: 'done'; readonly outcome: GenerationOutcome<null> };

/** A task as it stands. */
export interface TaskReport {
  readonly taskId: string;
  readonly request: ReportedRequest;
  readonly adjustments: readonly Adjustment[];
  /** Whether the model has a checker for the pictures it makes. */
  readonly safetyChecked: boolean;
  readonly state: ReportedState;
}

/** One submit, however often it is sent. */
export interface Idempotency {
  /** The client's key, 1..255 visible ASCII characters. */
  readonly key: string;
  /** SHA-256 of the body: a key used again for another request is an error. */
  readonly fingerprint: string;
}

export interface TaskDesk {
  models(): Promise<{ readonly models: readonly ApiModel[]; readonly defaultModel: string }>;
  /**
   * Keeps the task and queues it. Resolves with the id of the task that now stands for it: an earlier one's when the key
   * was used before. Throws AppError `rate-limited` (queue full), `unavailable`, `invalid-request` (key of another request).
   */
  submit(task: GenerationTask, idempotency: Idempotency | null): Promise<string>;
  report(taskId: string): Promise<TaskReport | undefined>;
  /** Resolves when the task has ended, or when this desk closes before that. */
  ended(taskId: string): Promise<void>;
  /** Resolves when the task no longer runs; tasks that have ended stay as they are. */
  cancel(taskId: string): Promise<void>;
  /** The finished picture `index`, 0-based. */
  picture(taskId: string, index: number): Promise<Blob | undefined>;
}

/** Where a task's picture lies, relative to the API's own folder. */
export function picturePath(taskId: string, index: number, format: GenerationRequest['outputFormat']): string {
  return `results/${taskId}/${index}.${format === 'jpeg' ? 'jpg' : format}`;
}
