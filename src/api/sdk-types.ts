/** What scripts give to the SDK and get from it. Requests carry the API's own field names; see docs/sdk.md. */
import type { InferenceType } from '../domain/compute-budget.ts';
import type { AppError } from '../domain/errors.ts';
import type { Adjustment, OutputFormat, SchedulerKind } from '../domain/request.ts';
import type { StageTimings, TaskProgress } from '../domain/task.ts';

/** An http(s):, data: or blob: address, or the picture itself. */
export type PictureInput = string | Blob | ImageBitmap;

/** Ranges and defaults are those of the API; what is left out takes the model's usual value. */
export interface LikenessRequest {
  readonly image: PictureInput;
  readonly prompt: string;
  readonly app_id?: string;
  readonly batch?: number;
  readonly height?: number;
  readonly width?: number;
  readonly num_inference_steps?: number;
  readonly guidance_scale?: number;
  readonly negative_prompt?: string;
  readonly strength?: number;
  /** True: the task is queued, and the answer comes at once. */
  readonly celery?: boolean;
  readonly inference_type?: InferenceType;
  readonly seed?: number;
  readonly face_strength?: number;
  readonly denoise?: number;
  readonly reference_images?: readonly PictureInput[];
  readonly face_index?: number | null;
  readonly scheduler?: SchedulerKind;
  readonly face_points?: readonly (readonly [x: number, y: number])[] | null;
  readonly keep_background?: boolean;
  readonly min_likeness?: number | null;
  readonly max_attempts?: number;
  readonly output_format?: OutputFormat;
}

export interface LikenessImage {
  /** Position in the batch, 0-based. */
  readonly index: number;
  readonly seed: number;
  /** Cosine between the faces of reference and picture, −1..1; null when no face was found in it. */
  readonly likeness: number | null;
  readonly blob: Blob;
  /** Object URL, made when it is first read; after `revoke` the next reading makes another one. */
  readonly url: string;
  /** Frees the object URL. The picture stays. */
  revoke(): void;
}

interface TaskBase {
  readonly taskId: string;
  readonly adjustments: readonly Adjustment[];
  /** What is drawn so far. */
  readonly images: readonly LikenessImage[];
}

export interface PendingTask extends TaskBase {
  readonly status: 'PENDING';
  /** Tasks before this one; null while it is being drawn. */
  readonly queuePosition: number | null;
  /** Null while it waits. */
  readonly progress: TaskProgress | null;
  /** Milliseconds until it is finished; null until something was measured. */
  readonly etaMs: number | null;
}

export interface SucceededTask extends TaskBase {
  readonly status: 'SUCCESS';
  readonly timings: StageTimings;
  readonly startupMs: number;
  readonly runtimeMs: number;
}

export interface FailedTask extends TaskBase {
  readonly status: 'FAILED';
  /** Code `cancelled` when somebody cancelled it. */
  readonly error: AppError;
}

export type LikenessTask = PendingTask | SucceededTask | FailedTask;

export type LikenessEvent =
  | { readonly type: 'task'; readonly taskId: string; readonly task: LikenessTask }
  | { readonly type: 'image'; readonly taskId: string; readonly image: LikenessImage }
  | { readonly type: 'deleted'; readonly taskId: string };

export interface GenerateOptions {
  /** Cancels the task; the promise then rejects with the signal's reason. */
  readonly signal?: AbortSignal;
  /** Hears of this task until it has ended. */
  readonly onEvent?: (event: LikenessEvent) => void;
}

export interface Likeness {
  /**
   * Queues the task and resolves when its pictures are there; with `celery: true` as soon as it is queued.
   * Rejects with AppError: `invalid-request` (details.problems names every bad field), `unknown-app`, the task's own error,
   * `cancelled`; with the signal's reason when that is aborted.
   */
  getImageToImage(
    request: LikenessRequest & { readonly celery: true },
    options?: GenerateOptions,
  ): Promise<PendingTask>;
  getImageToImage(
    request: LikenessRequest & { readonly celery?: false },
    options?: GenerateOptions,
  ): Promise<SucceededTask>;
  getImageToImage(request: LikenessRequest, options?: GenerateOptions): Promise<PendingTask | SucceededTask>;
  /** Also tasks of earlier visits, until they are deleted; null for an id that is not known. */
  readonly getTask: (taskId: string) => Promise<LikenessTask | null>;
  /** Resolves when the task no longer runs; ids that are not known, and tasks that have ended, are ignored. */
  readonly cancelTask: (taskId: string) => Promise<void>;
  /** Deletes a task that has ended, with its pictures. */
  readonly deleteTask: (taskId: string) => Promise<void>;
  /** Hears of all tasks, those of the page and of other tabs included. */
  readonly subscribe: (listener: (event: LikenessEvent) => void) => () => void;
}
