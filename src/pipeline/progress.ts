import { STAGES, type GenerationEvent, type Stage, type StageTimings } from '../domain/task.ts';

/**
 * What one unit of a stage costs relative to the others, until it has been measured; a unit of `denoise` is one step.
 * Rounded from `npm run bench` on the starter (docs/performance.md): they shape the bar, and the first image's time left.
 */
const UNIT_COST: Readonly<Record<Stage, number>> = {
  load: 0,
  'find-face': 1,
  'embed-face': 1,
  'encode-prompt': 1,
  condition: 1,
  'encode-image': 6,
  denoise: 4,
  decode: 10,
  score: 2,
};

interface StageRecord {
  planned: number;
  done: number;
  ms: number;
  /** Of the first unit, which also builds the session and says little about the others. */
  firstMs: number;
}

export interface ProgressSetup {
  readonly taskId: string;
  readonly images: number;
  readonly steps: number;
  readonly emit: (event: GenerationEvent) => void;
}

/** Counts units of work, measures them, and tells where the task stands. */
export class ProgressMeter {
  private readonly setup: ProgressSetup;
  private readonly records: Record<Stage, StageRecord>;
  private highest = 0;

  constructor(setup: ProgressSetup) {
    this.setup = setup;
    this.records = Object.fromEntries(
      STAGES.map((stage) => [stage, { planned: 0, done: 0, ms: 0, firstMs: 0 }]),
    ) as unknown as Record<Stage, StageRecord>;
  }

  /** Announces work to come. */
  plan(stage: Stage, units: number): void {
    this.records[stage].planned += units;
  }

  /** Runs one unit of a stage: tells its beginning and its end, and adds up its time. */
  async measure<T>(stage: Stage, image: number, work: () => Promise<T>): Promise<T> {
    this.tell(stage, image, stage === 'decode' || stage === 'score' ? this.setup.steps : 0);
    const begin = performance.now();
    const result = await work();
    this.add(stage, performance.now() - begin);
    this.tell(stage, image, stage === 'decode' || stage === 'score' ? this.setup.steps : 0);
    return result;
  }

  /** A function to be called after each denoising step with how many are finished. */
  denoisingSteps(image: number): (finished: number) => void {
    this.tell('denoise', image, 0);
    let begin = performance.now();
    return (finished) => {
      const now = performance.now();
      this.add('denoise', now - begin);
      begin = now;
      this.tell('denoise', image, finished);
    };
  }

  timings(): StageTimings {
    const worked = STAGES.filter((stage) => this.records[stage].done > 0);
    return Object.fromEntries(worked.map((stage) => [stage, this.records[stage].ms]));
  }

  private add(stage: Stage, ms: number): void {
    const record = this.records[stage];
    if (record.done === 0) record.firstMs = ms;
    record.done += 1;
    record.planned = Math.max(record.planned, record.done);
    record.ms += ms;
  }

  private tell(stage: Stage, image: number, step: number): void {
    const cost = (count: (record: StageRecord) => number): number =>
      STAGES.reduce((sum, name) => sum + UNIT_COST[name] * count(this.records[name]), 0);
    const done = cost((record) => record.done);
    const share =
      done /
      Math.max(
        1,
        cost((record) => record.planned),
      );
    // Redraws add work; the bar waits instead of going back.
    this.highest = Math.max(this.highest, Math.min(1, share));
    const { taskId, images, steps } = this.setup;
    this.setup.emit({
      type: 'progress',
      taskId,
      progress: { stage, image, images, step, steps, progress: this.highest, etaMs: this.timeLeft() },
    });
  }

  /** Null before the second denoising step: what comes before it also builds sessions. */
  private timeLeft(): number | null {
    const denoising = this.records.denoise;
    if (denoising.done < 2) return null;
    const stepMs = (denoising.ms - denoising.firstMs) / (denoising.done - 1);
    return STAGES.reduce((sum, stage) => {
      const { planned, done, ms, firstMs } = this.records[stage];
      const perUnit = done > 1 ? (ms - firstMs) / (done - 1) : (stepMs * UNIT_COST[stage]) / UNIT_COST.denoise;
      return sum + (planned - done) * perUnit;
    }, 0);
  }
}
