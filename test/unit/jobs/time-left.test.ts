import { describe, expect, it } from 'vitest';
import type { Stage, TaskProgress } from '../../../src/domain/task.ts';
import { TaskClock, type Work } from '../../../src/jobs/time-left.ts';

const WORK: Work = { width: 100, height: 100, steps: 4, guidanceScale: 1, batch: 4 };

/** Draws `images` images on a clock: `stepMs` for each step, `otherMs` around them. */
function draw(clock: TaskClock, work: Work, images: number, stepMs: number, otherMs: number): void {
  clock.rest();
  let now = 0;
  const at = (stage: Stage, image: number, step: number): void => {
    const progress: TaskProgress = { stage, image, images, step, steps: work.steps, progress: 0, etaMs: null };
    clock.observe(work, progress, now);
  };
  for (let image = 0; image < images; image++) {
    at('denoise', image, 0);
    for (let step = 1; step <= work.steps; step++) {
      now += stepMs;
      at('denoise', image, step);
    }
    now += otherMs;
    at('decode', image, work.steps);
  }
}

describe('TaskClock', () => {
  it('knows nothing before a step was measured', () => {
    expect(new TaskClock().estimate(WORK, 1)).toBeNull();
  });

  it('counts steps, pixels and guidance passes', () => {
    const clock = new TaskClock();
    draw(clock, WORK, 1, 10, 0);
    expect(clock.estimate(WORK, 1)).toBeCloseTo(40);
    expect(clock.estimate(WORK, 3)).toBeCloseTo(120);
    expect(clock.estimate({ ...WORK, width: 200, guidanceScale: 2, steps: 8 }, 1)).toBeCloseTo(320);
  });

  it('learns what comes around the steps, within a few images', () => {
    const clock = new TaskClock();
    draw(clock, WORK, 30, 10, 20);
    // 40 ms of steps and 20 ms of the rest for each image.
    expect(clock.estimate(WORK, 10)!).toBeGreaterThan(590);
    expect(clock.estimate(WORK, 10)!).toBeLessThan(610);
  });

  it('follows a device that becomes slower', () => {
    const clock = new TaskClock();
    draw(clock, WORK, 10, 10, 0);
    draw(clock, WORK, 10, 30, 0);
    expect(clock.estimate(WORK, 1)!).toBeGreaterThan(110);
    expect(clock.estimate(WORK, 1)!).toBeLessThan(130);
  });
});
