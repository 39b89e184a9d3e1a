import { withoutPictures, type TaskEnd } from '../domain/kept-tasks.ts';
import type { Engine } from '../domain/ports.ts';
import type { GeneratedImage, GenerationEvent, GenerationTask, TaskProgress } from '../domain/task.ts';
import { crashedTooOften, drawTask } from './draw-task.ts';
import { enterEnd, type Entry } from './entry.ts';
import type { TaskChannel } from './task-channel.ts';
import type { TaskKeeper } from './task-keeper.ts';
import type { TaskList, Waiting } from './task-list.ts';
import { TaskClock } from './time-left.ts';

export interface DeskParts {
  readonly engine: Engine;
  readonly list: TaskList;
  readonly keeper: TaskKeeper;
  readonly channel: TaskChannel;
  readonly now: () => number;
}

export interface BeginOptions {
  /** The last page that drew ended abnormally. */
  readonly afterCrash: boolean;
  /** Awaited before each task: whether the engine may run. */
  readonly ready: () => Promise<void>;
}

/** The page ended so often while it drew one task that it is not tried again unasked. */
const CRASHES_LIMIT = 3;

/** Where the one tab that has the engine's turn draws: takes the next task of the line, and writes down what comes of it. */
export class DrawingDesk {
  readonly #engine: Engine;
  readonly #list: TaskList;
  readonly #keeper: TaskKeeper;
  readonly #channel: TaskChannel;
  readonly #now: () => number;
  readonly #clock = new TaskClock();
  #running: Entry | null = null;
  #progress: TaskProgress | null = null;
  /** Images that the running task had when its engine began. */
  #headStart = 0;
  #drawing: Promise<void> = Promise.resolve();
  #crashes: { readonly taskId: string; readonly count: number } | null = null;
  #isOpen = false;
  #isLooping = false;
  #ready: () => Promise<void> = () => Promise.resolve();

  constructor({ engine, list, keeper, channel, now }: DeskParts) {
    this.#engine = engine;
    this.#list = list;
    this.#keeper = keeper;
    this.#channel = channel;
    this.#now = now;
    engine.subscribe((event) => this.#onEngine(event));
  }

  /** Whether this tab draws. */
  get isOpen(): boolean {
    return this.#isOpen;
  }

  async open({ afterCrash, ready }: BeginOptions): Promise<void> {
    this.#ready = ready;
    this.#isOpen = true;
    const { running, crashes } = await this.#list.load(this.#keeper, this.#running);
    this.#crashes = running !== null && afterCrash ? { taskId: running, count: crashes + 1 } : null;
    this.lineChanged();
    void this.drawNext();
  }

  async close(stopEngine: () => Promise<void>): Promise<void> {
    this.#isOpen = false;
    await stopEngine();
    await this.#drawing;
    await this.#keeper.idle(this.#list.entries());
  }

  /** Draws until the line is empty; does nothing while that is being done. */
  async drawNext(): Promise<void> {
    if (this.#isLooping) return;
    this.#isLooping = true;
    while (this.#isOpen && this.#list.line.length > 0) {
      await this.#ready();
      const [next] = this.#list.line;
      if (next === undefined || !this.#mayGoOn()) break;
      this.#list.leaveLine(next);
      const entry = this.#list.get(next);
      if (entry?.task == null) continue;
      this.#drawing = this.#draw(entry, entry.task);
      await this.#drawing;
    }
    this.#isLooping = false;
  }

  /** Stops the task being drawn, if it is that one (or any, without an id). */
  async stop(taskId = this.#running?.taskId): Promise<void> {
    if (taskId === undefined || this.#running?.taskId !== taskId) return;
    const drawing = this.#drawing;
    await this.#engine.cancel(taskId);
    await drawing;
  }

  async finish(entry: Entry, end: TaskEnd, adjustments = entry.adjustments): Promise<void> {
    const { taskId, createdAt, scene } = entry;
    const request = withoutPictures(entry.request);
    const finished = { taskId, request, adjustments, createdAt, scene, finishedAt: this.#now(), end };
    entry.finished = finished;
    // Told when it is written: who sees a task done may close the page.
    await this.#keeper.settle(entry);
    enterEnd(entry, finished);
    this.#list.setState(entry, entry.state);
    this.#channel.post({ type: 'ended', task: finished });
  }

  lineChanged(): void {
    this.#list.tellPositions(this.#waiting());
    if (!this.#isOpen) return;
    this.#keepLine();
    this.postLine();
  }

  postLine(): void {
    this.#channel.post({ type: 'line', waiting: this.#waiting() });
  }

  async #draw(entry: Entry, task: GenerationTask): Promise<void> {
    if (this.#crashes !== null && this.#crashes.taskId !== entry.taskId) this.#crashes = null;
    const crashes = this.#crashes?.count ?? 0;
    if (crashes >= CRASHES_LIMIT) return this.finish(entry, crashedTooOften(crashes));
    this.#running = entry;
    this.lineChanged();
    const ended = await drawTask(this.#engine, {
      task,
      images: entry.images,
      begin: () => {
        this.#headStart = entry.images.size;
        this.#clock.rest();
      },
      keep: (image) => this.#receive(entry, image),
      isInterrupted: () => !this.#isOpen,
    });
    this.#running = null;
    this.#progress = null;
    if (ended === null) {
      // The store still has it as running: the next tab begins with it.
      this.#list.line = [entry.taskId, ...this.#list.line];
      this.#list.tellPositions(this.#waiting());
      return;
    }
    await this.finish(entry, ended.end, ended.adjustments);
    this.lineChanged();
  }

  #onEngine(event: GenerationEvent<Blob>): void {
    const entry = this.#running;
    if (entry === null || entry.taskId !== event.taskId) return;
    if (event.type === 'image' && !entry.images.has(event.result.index)) this.#receive(entry, event.result);
    if (event.type !== 'progress') return;
    const { batch } = entry.request;
    this.#clock.observe(entry.request, event.progress, performance.now());
    // The engine counts what it was given to do.
    const share = (this.#headStart + event.progress.progress * (batch - this.#headStart)) / batch;
    const progress = { ...event.progress, progress: share };
    this.#progress = progress;
    this.#list.setState(entry, { status: 'running', progress });
    this.#channel.post({ type: 'progress', taskId: entry.taskId, progress });
  }

  #receive(entry: Entry, image: GeneratedImage<Blob>): void {
    const { taskId } = entry;
    entry.images.set(image.index, image);
    this.#keeper.keepImage(entry, image);
    if (this.#crashes !== null) {
      this.#crashes = null;
      this.#keepLine();
    }
    this.#list.tell({ type: 'image', taskId, result: image });
    this.#channel.post({ type: 'image', taskId, result: image });
    this.#list.tellPositions(this.#waiting());
    this.postLine();
  }

  /** Asked anew after waiting: another tab may have taken the turn meanwhile. */
  #mayGoOn(): boolean {
    return this.#isOpen;
  }

  #keepLine(): void {
    const running = this.#running?.taskId ?? null;
    const crashes = this.#crashes !== null && this.#crashes.taskId === running ? this.#crashes.count : 0;
    this.#keeper.keepLine({ order: this.#list.line, running, crashes });
  }

  #waiting(): Waiting {
    const running = this.#running;
    let before: number | null = 0;
    if (running !== null) {
      const left = running.request.batch - running.images.size;
      before = this.#progress?.etaMs ?? this.#clock.estimate(running.request, left);
    }
    return this.#list.line.map((id) => {
      const { request, images } = this.#list.get(id)!;
      const own = this.#clock.estimate(request, request.batch - images.size);
      before = before === null || own === null ? null : before + own;
      return [id, before];
    });
  }
}
