import type { AppError } from './errors.ts';
import type { DetectedFace, PixelImage } from './image.ts';
import type { Adjustment, GenerationRequest } from './request.ts';

export const STAGES = [
  'load',
  'find-face',
  'embed-face',
  'encode-prompt',
  'condition',
  'encode-image',
  'denoise',
  'decode',
  'score',
] as const;
export type Stage = (typeof STAGES)[number];

/** Wall-clock milliseconds spent per stage, summed over the images of a task. */
export type StageTimings = Readonly<Partial<Record<Stage, number>>>;

/** `Picture` is pixels inside the pipeline and an encoded file (Blob) outside the engine: pages never touch pixels. */
export interface GeneratedImage<Picture = PixelImage> {
  /** Position in the batch, 0-based. */
  readonly index: number;
  readonly seed: number;
  readonly image: Picture;
  /** Cosine between the face embedding of the reference and of the result, −1..1; null when no face was found in the result. */
  readonly likeness: number | null;
}

/** Where a running task stands. `progress` 0..1 over the whole task. */
export interface TaskProgress {
  readonly stage: Stage;
  /** Image of the batch being made, 0-based, and how many there are. */
  readonly image: number;
  readonly images: number;
  /** Denoising steps finished for this image, and how many there are. */
  readonly step: number;
  readonly steps: number;
  readonly progress: number;
  /** Time left; null until something has been measured. */
  readonly etaMs: number | null;
}

export type TaskState =
  /** `position` 0 is the next one; `etaMs` is the time until it is finished, null or absent until something was measured. */
  | { readonly status: 'queued'; readonly position: number; readonly etaMs?: number | null }
  | { readonly status: 'running'; readonly progress: TaskProgress }
  | { readonly status: 'done'; readonly outcome: GenerationOutcome<Blob> }
  | { readonly status: 'failed'; readonly error: AppError }
  | { readonly status: 'cancelled' };

export interface GenerationOutcome<Picture = PixelImage> {
  readonly images: readonly GeneratedImage<Picture>[];
  readonly adjustments: readonly Adjustment[];
  readonly timings: StageTimings;
  /** Time spent loading the model before the first stage, 0 when warm. */
  readonly startupMs: number;
  readonly runtimeMs: number;
}

/** One request on its way through an engine, with its pictures decoded. */
export interface GenerationTask {
  readonly taskId: string;
  readonly request: GenerationRequest;
  readonly adjustments: readonly Adjustment[];
  /** Images of the batch to draw, ascending; absent = all. The others were finished in an earlier life of the task. */
  readonly only?: readonly number[];
}

/** What an engine tells while it works; one subscription carries all tasks. */
export type GenerationEvent<Picture = PixelImage> =
  /** The faces of the reference by descending area, in its pixels, and which one is used (−1: none). */
  | {
      readonly type: 'faces';
      readonly taskId: string;
      readonly faces: readonly DetectedFace[];
      readonly chosen: number;
    }
  | { readonly type: 'progress'; readonly taskId: string; readonly progress: TaskProgress }
  | {
      readonly type: 'preview';
      readonly taskId: string;
      readonly image: number;
      readonly step: number;
      readonly preview: PixelImage;
    }
  | { readonly type: 'image'; readonly taskId: string; readonly result: GeneratedImage<Picture> };
