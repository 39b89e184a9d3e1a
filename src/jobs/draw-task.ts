import { AppError, toAppError, type ErrorCode } from '../domain/errors.ts';
import { keptError, type TaskEnd } from '../domain/kept-tasks.ts';
import type { Engine } from '../domain/ports.ts';
import type { Adjustment } from '../domain/request.ts';
import type { GeneratedImage, GenerationTask } from '../domain/task.ts';

/** After these another worker may succeed with the images that are missing. */
const WORTH_ANOTHER_WORKER: readonly ErrorCode[] = ['worker-crashed', 'engine-hung', 'engine-poisoned', 'device-lost'];
/** Workers in a row that may end before an image is finished; a task that ends every worker ends here. */
const FRUITLESS_WORKERS = 5;

export interface Drawing {
  readonly task: GenerationTask;
  /** Images that are finished; grows while the task runs. */
  readonly images: ReadonlyMap<number, GeneratedImage<Blob>>;
  /** Called before each engine run. */
  readonly begin: () => void;
  /** An image that the engine told only with its outcome. */
  readonly keep: (image: GeneratedImage<Blob>) => void;
  /** Whether the engine was taken away: then its errors say nothing about the task. */
  readonly isInterrupted: () => boolean;
}

/** How a drawing ended; null: it was interrupted and goes on later. */
export type DrawingEnd = { readonly end: TaskEnd; readonly adjustments: readonly Adjustment[] } | null;

/** Draws the images that are missing; a worker that ends meanwhile is followed by another one. */
export async function drawTask(
  engine: Engine,
  { task, images, begin, keep, isInterrupted }: Drawing,
): Promise<DrawingEnd> {
  const { adjustments } = task;
  let fruitless = 0;
  for (;;) {
    const all = Array.from({ length: task.request.batch }, (_, index) => index);
    const missing = all.filter((index) => !images.has(index));
    if (missing.length === 0) return { end: { status: 'done', timings: {}, startupMs: 0, runtimeMs: 0 }, adjustments };
    begin();
    try {
      const result = await engine.submit(missing.length === all.length ? task : { ...task, only: missing });
      if (result.status === 'cancelled') {
        return isInterrupted() ? null : { end: { status: 'cancelled' }, adjustments };
      }
      const { outcome } = result;
      for (const image of outcome.images) if (!images.has(image.index)) keep(image);
      const { timings, startupMs, runtimeMs } = outcome;
      return { end: { status: 'done', timings, startupMs, runtimeMs }, adjustments: outcome.adjustments };
    } catch (thrown) {
      if (isInterrupted()) return null;
      const error = toAppError(thrown);
      const drawn = all.length - missing.length < images.size;
      fruitless = drawn ? 1 : fruitless + 1;
      if (!WORTH_ANOTHER_WORKER.includes(error.code) || fruitless >= FRUITLESS_WORKERS) {
        return { end: { status: 'failed', error: keptError(error) }, adjustments };
      }
    }
  }
}

/** The end of a task that the page did not survive several times. */
export function crashedTooOften(crashes: number): TaskEnd {
  const message = `The page ended ${crashes} times while this task was drawn.`;
  return { status: 'failed', error: keptError(new AppError('worker-crashed', message, { details: { crashes } })) };
}
