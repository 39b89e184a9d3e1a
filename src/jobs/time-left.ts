import type { GenerationRequest } from '../domain/request.ts';
import type { TaskProgress } from '../domain/task.ts';

/** Weight of the newest measurement in the averages. */
const NEWEST = 0.2;

/** What time depends on. */
export type Work = Pick<GenerationRequest, 'width' | 'height' | 'steps' | 'guidanceScale' | 'batch'>;

/**
 * How long tasks will take, by two exponentially weighted averages: milliseconds per denoising step (for each pixel and
 * guidance pass, as steps of other sizes take other times), and how much longer a whole image takes than its steps.
 */
export class TaskClock {
  #stepMs: number | null = null;
  /** Time of an image / time of its steps, at least 1. */
  #overhead = 1;
  #last: { readonly image: number; readonly step: number; readonly at: number } | null = null;
  #image: { readonly index: number; readonly at: number } | null = null;

  /** Where the task being drawn stands; `now` in milliseconds of one clock. */
  observe(work: Work, { stage, image, step }: TaskProgress, now: number): void {
    if (this.#image?.index !== image) this.#finishImage(work, image, now);
    if (stage !== 'denoise') return;
    const last = this.#last;
    // The first step of an image also waits for what comes before it.
    if (last !== null && last.image === image && last.step >= 1 && step === last.step + 1) {
      this.#stepMs = average(this.#stepMs, (now - last.at) / unitsPerStep(work));
    }
    this.#last = { image, step, at: now };
  }

  /** Another task begins, or none. */
  rest(): void {
    this.#last = null;
    this.#image = null;
  }

  /** Milliseconds for so many images of that work; null until a step was measured. */
  estimate(work: Work, images: number): number | null {
    if (this.#stepMs === null) return null;
    return images * work.steps * unitsPerStep(work) * this.#stepMs * this.#overhead;
  }

  #finishImage(work: Work, next: number, now: number): void {
    if (this.#image !== null && this.#stepMs !== null) {
      const steps = work.steps * unitsPerStep(work) * this.#stepMs;
      this.#overhead = average(this.#overhead, Math.max(1, (now - this.#image.at) / steps));
    }
    this.#image = { index: next, at: now };
  }
}

function unitsPerStep({ width, height, guidanceScale }: Work): number {
  return width * height * (guidanceScale > 1 ? 2 : 1);
}

function average(before: number | null, newest: number): number {
  return before === null ? newest : before + NEWEST * (newest - before);
}
