/** The line of tasks in front of one engine, shared by all tabs and kept between visits; see TaskQueue. */
import {
  withoutPictures,
  type KeptRequest,
  type PendingTask,
  type ResultStore,
  type TaskEnd,
  type TaskStore,
} from '../domain/kept-tasks.ts';
import type { Engine } from '../domain/ports.ts';
import type { Adjustment } from '../domain/request.ts';
import type { TaskEvent, TaskPictures, TaskQueue, TaskSnapshot } from '../domain/task-queue.ts';
import type { GeneratedImage, GenerationEvent, GenerationTask, TaskProgress, TaskState } from '../domain/task.ts';
import { crashedTooOften, drawTask } from './draw-task.ts';
import { byPlace, enterEnd, finishedEntry, pendingEntry, snapshot, type Entry } from './entry.ts';
import type { TaskChannel, TaskMessage } from './task-channel.ts';
import { TaskKeeper } from './task-keeper.ts';
import { TaskClock } from './time-left.ts';

export interface TaskQueueParts {
  readonly engine: Engine;
  readonly tasks: TaskStore;
  readonly results: ResultStore;
  readonly channel: TaskChannel;
  /** Milliseconds since 1970. */
  readonly now?: () => number;
}

export interface BeginOptions {
  /** The last page that drew ended abnormally. */
  readonly afterCrash: boolean;
  /** Awaited before each task: whether the engine may run. */
  readonly ready: () => Promise<void>;
}

/** The page ended so often while it drew one task that it is not tried again unasked. */
const CRASHES_LIMIT = 3;

export class SharedTaskQueue implements TaskQueue {
  readonly #engine: Engine;
  readonly #keeper: TaskKeeper;
  readonly #channel: TaskChannel;
  readonly #now: () => number;
  readonly #clock = new TaskClock();
  readonly #listeners = new Set<(event: TaskEvent) => void>();
  readonly #entries = new Map<string, Entry>();
  /** Ids of waiting tasks, next first. */
  #line: string[] = [];
  #running: Entry | null = null;
  #progress: TaskProgress | null = null;
  /** Images that the running task had when its engine began. */
  #headStart = 0;
  #drawing: Promise<void> = Promise.resolve();
  #crashes: { readonly taskId: string; readonly count: number } | null = null;
  /** Whether this tab draws. */
  #isActive = false;
  #isLooping = false;
  #ready: () => Promise<void> = () => Promise.resolve();
  #lastWish = 0;

  constructor({ engine, tasks, results, channel, now = Date.now }: TaskQueueParts) {
    this.#engine = engine;
    this.#channel = channel;
    this.#now = now;
    this.#keeper = new TaskKeeper(tasks, results, (error) => this.#tell({ type: 'keeping', error }));
    engine.subscribe((event) => this.#onEngine(event));
    channel.subscribe((message) => this.#onMessage(message));
  }

  /** Lists what is kept while another tab draws. */
  async watch(): Promise<void> {
    await this.#load();
    if (!this.#isActive) this.#channel.post({ type: 'hello' });
  }

  /** This tab draws from now on; what another one had begun goes on after its last finished image. */
  async begin({ afterCrash, ready }: BeginOptions): Promise<void> {
    this.#ready = ready;
    this.#isActive = true;
    const { running, crashes } = await this.#load();
    this.#crashes = running !== null && afterCrash ? { taskId: running, count: crashes + 1 } : null;
    this.#lineChanged();
    void this.#loop();
  }

  /** This tab draws no more: `stopEngine` is called, and everything is written down for the next one. */
  async end(stopEngine: () => Promise<void>): Promise<void> {
    this.#isActive = false;
    await stopEngine();
    await this.#drawing;
    await this.#keeper.idle(this.#entries.values());
  }

  async add(tasks: readonly GenerationTask[]): Promise<void> {
    const createdAt = Math.max(this.#now(), this.#lastWish + 1);
    const added = tasks.map((task, scene) => ({ task, createdAt, scene }));
    const entries = added.map((pending) => this.#enter(pending, false));
    this.#lineChanged();
    const kept = Promise.all(entries.map((entry) => this.#keeper.keepPending(entry)));
    if (this.#isActive) void this.#loop();
    else await kept; // else the tab that draws might be done with it before it is written
    this.#channel.post({ type: 'added', tasks: added });
    await kept;
  }

  async move(taskId: string, position: number): Promise<void> {
    if (!this.#isActive) {
      this.#channel.post({ type: 'move', taskId, position });
      return;
    }
    if (!this.#line.includes(taskId)) return;
    const others = this.#line.filter((id) => id !== taskId);
    const place = Math.min(Math.max(0, Math.trunc(position)), others.length);
    this.#line = [...others.slice(0, place), taskId, ...others.slice(place)];
    this.#lineChanged();
    await this.#keeper.idle([]);
  }

  async cancel(taskId: string): Promise<void> {
    if (!this.#isActive) {
      this.#channel.post({ type: 'cancel', taskId });
      return;
    }
    if (this.#running?.taskId === taskId) return this.#cancelRunning(taskId);
    const entry = this.#entries.get(taskId);
    if (entry === undefined || !this.#line.includes(taskId)) return;
    this.#line = this.#line.filter((id) => id !== taskId);
    await this.#finish(entry, { status: 'cancelled' }, entry.adjustments);
    this.#lineChanged();
  }

  async cancelAll(): Promise<void> {
    if (!this.#isActive) {
      this.#channel.post({ type: 'cancel-all' });
      return;
    }
    // Waiting ones first: else the next would start as soon as the running one ends.
    const waiting = this.#line.splice(0).map((id) => this.#entries.get(id)!);
    const running = this.#running;
    await Promise.all([
      ...waiting.map((entry) => this.#finish(entry, { status: 'cancelled' }, entry.adjustments)),
      ...(running === null ? [] : [this.#cancelRunning(running.taskId)]),
    ]);
    this.#lineChanged();
  }

  async retry(taskId: string, pictures?: TaskPictures): Promise<boolean> {
    const entry = this.#entries.get(taskId);
    if (entry?.finished == null || entry.finished.end.status === 'done') return false;
    const task = entry.task ?? withPictures(entry, pictures);
    if (task === null) return false;
    if (!this.#isActive) {
      const { image, referenceImages } = task.request;
      this.#channel.post({ type: 'retry', taskId, pictures: { image, referenceImages } });
      return true;
    }
    entry.task = task;
    entry.request = task.request;
    entry.finished = null;
    this.#line.push(taskId);
    this.#lineChanged();
    void this.#loop();
    await this.#keeper.keepPending(entry);
    this.#channel.post({ type: 'added', tasks: [{ task, createdAt: entry.createdAt, scene: entry.scene }] });
    return true;
  }

  async remove(taskId: string): Promise<void> {
    const entry = this.#entries.get(taskId);
    if (entry === undefined || entry.finished === null) return;
    this.#drop(taskId);
    this.#channel.post({ type: 'removed', taskId });
    await this.#keeper.forget(entry, this.#entries.values());
  }

  get(taskId: string): TaskSnapshot | null {
    const entry = this.#entries.get(taskId);
    return entry === undefined ? null : snapshot(entry);
  }

  list(): readonly TaskSnapshot[] {
    return [...this.#entries.values()].sort(byPlace).map(snapshot);
  }

  subscribe(listener: (event: TaskEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async #load(): Promise<{ readonly running: string | null; readonly crashes: number }> {
    const { pending, finished, line } = await this.#keeper.load();
    const listed = new Set([...pending.map(({ task }) => task.taskId), ...finished.map(({ taskId }) => taskId)]);
    for (const entry of [...this.#entries.values()]) {
      // Another tab has removed it.
      if (entry.isKept && !listed.has(entry.taskId)) this.#drop(entry.taskId);
    }
    for (const task of finished) {
      const present = this.#entries.get(task.taskId);
      const entry = present ?? finishedEntry(task);
      await this.#loadImages(entry);
      if (present?.finished != null) continue;
      enterEnd(entry, task);
      this.#line = this.#line.filter((id) => id !== task.taskId);
      if (present === undefined) this.#list(entry);
      else this.#setState(entry, entry.state);
    }
    for (const task of [...pending].sort(byPlace)) {
      const present = this.#entries.get(task.task.taskId);
      const entry = present ?? pendingEntry(task, true);
      await this.#loadImages(entry);
      if (present === undefined && !this.#entries.has(entry.taskId)) this.#list(entry);
    }
    const waiting = [...this.#entries.values()].filter((entry) => entry.finished === null && entry !== this.#running);
    const ids = waiting.sort(byPlace).map(({ taskId }) => taskId);
    const first = [...(line.running === null ? [] : [line.running]), ...line.order].filter((id) => ids.includes(id));
    this.#line = [...new Set([...first, ...ids])];
    this.#tellPositions();
    return line;
  }

  /** What another tab has drawn and could not tell any more is told now. */
  async #loadImages(entry: Entry): Promise<void> {
    const { taskId } = entry;
    for (const result of await this.#keeper.loadImages(entry)) {
      if (this.#entries.has(taskId)) this.#tell({ type: 'image', taskId, result });
    }
  }

  #enter(pending: PendingTask, isKept: boolean): Entry {
    const entry = pendingEntry(pending, isKept);
    this.#line.push(entry.taskId);
    this.#list(entry);
    return entry;
  }

  #list(entry: Entry): void {
    this.#lastWish = Math.max(this.#lastWish, entry.createdAt);
    this.#entries.set(entry.taskId, entry);
    this.#tell({ type: 'added', task: snapshot(entry) });
  }

  #drop(taskId: string): void {
    this.#entries.delete(taskId);
    this.#line = this.#line.filter((id) => id !== taskId);
    this.#tell({ type: 'removed', taskId });
  }

  async #loop(): Promise<void> {
    if (this.#isLooping) return;
    this.#isLooping = true;
    while (this.#isActive && this.#line.length > 0) {
      await this.#ready();
      if (!this.#mayDraw()) break;
      const entry = this.#entries.get(this.#line.shift() ?? '');
      if (entry?.task == null) continue;
      this.#drawing = this.#draw(entry, entry.task);
      await this.#drawing;
    }
    this.#isLooping = false;
  }

  #mayDraw(): boolean {
    return this.#isActive;
  }

  async #draw(entry: Entry, task: GenerationTask): Promise<void> {
    if (this.#crashes !== null && this.#crashes.taskId !== entry.taskId) this.#crashes = null;
    const crashes = this.#crashes?.count ?? 0;
    if (crashes >= CRASHES_LIMIT) return this.#finish(entry, crashedTooOften(crashes), entry.adjustments);
    this.#running = entry;
    this.#lineChanged();
    const ended = await drawTask(this.#engine, {
      task,
      images: entry.images,
      begin: () => {
        this.#headStart = entry.images.size;
        this.#clock.rest();
      },
      keep: (image) => this.#receive(entry, image),
      isInterrupted: () => !this.#isActive,
    });
    this.#running = null;
    this.#progress = null;
    if (ended === null) {
      // The store still has it as running: the next tab begins with it.
      this.#line.unshift(entry.taskId);
      this.#tellPositions();
      return;
    }
    await this.#finish(entry, ended.end, ended.adjustments);
    this.#lineChanged();
  }

  async #cancelRunning(taskId: string): Promise<void> {
    const drawing = this.#drawing;
    await this.#engine.cancel(taskId);
    await drawing;
  }

  async #finish(entry: Entry, end: TaskEnd, adjustments: readonly Adjustment[]): Promise<void> {
    const { taskId, createdAt, scene } = entry;
    const request = withoutPictures(entry.request);
    const finished = { taskId, request, adjustments, createdAt, scene, finishedAt: this.#now(), end };
    entry.finished = finished;
    // Told when it is written: who sees a task done may close the page.
    await this.#keeper.settle(entry);
    enterEnd(entry, finished);
    this.#setState(entry, entry.state);
    this.#channel.post({ type: 'ended', task: finished });
  }

  #receive(entry: Entry, image: GeneratedImage<Blob>): void {
    entry.images.set(image.index, image);
    this.#keeper.keepImage(entry, image);
    if (this.#crashes !== null) {
      this.#crashes = null;
      this.#keepLine();
    }
    const { taskId } = entry;
    this.#tell({ type: 'image', taskId, result: image });
    this.#channel.post({ type: 'image', taskId, result: image });
    this.#tellPositions();
    this.#postLine();
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
    this.#setState(entry, { status: 'running', progress });
    this.#channel.post({ type: 'progress', taskId: entry.taskId, progress });
  }

  #onMessage(message: TaskMessage): void {
    if (this.#isActive) this.#onWish(message);
    else this.#onNews(message);
    if (message.type === 'removed') this.#drop(message.taskId);
    if (message.type === 'added') {
      for (const pending of message.tasks) {
        const present = this.#entries.get(pending.task.taskId);
        if (present === undefined) this.#enter(pending, true);
        else if (!this.#isActive) Object.assign(present, { finished: null, task: pending.task });
      }
      this.#lineChanged();
      if (this.#isActive) void this.#loop();
    }
  }

  /** What other tabs want of the one that draws. */
  #onWish(message: TaskMessage): void {
    if (message.type === 'hello') this.#postLine();
    if (message.type === 'cancel') void this.cancel(message.taskId);
    if (message.type === 'cancel-all') void this.cancelAll();
    if (message.type === 'move') void this.move(message.taskId, message.position);
    if (message.type === 'retry') void this.retry(message.taskId, message.pictures);
  }

  /** What the tab that draws has done. */
  #onNews(message: TaskMessage): void {
    if (message.type === 'line') {
      this.#line = message.waiting.map(([id]) => id).filter((id) => this.#entries.has(id));
      for (const [position, [id, etaMs]] of message.waiting.entries()) {
        const entry = this.#entries.get(id);
        if (entry !== undefined) this.#setState(entry, { status: 'queued', position, etaMs });
      }
    }
    const entry = this.#entries.get(
      'taskId' in message ? message.taskId : message.type === 'ended' ? message.task.taskId : '',
    );
    if (entry === undefined) return;
    if (message.type === 'progress') this.#setState(entry, { status: 'running', progress: message.progress });
    if (message.type === 'image' && !entry.images.has(message.result.index)) {
      entry.images.set(message.result.index, message.result);
      this.#tell({ type: 'image', taskId: entry.taskId, result: message.result });
    }
    if (message.type === 'ended') {
      this.#line = this.#line.filter((id) => id !== entry.taskId);
      enterEnd(entry, message.task);
      this.#setState(entry, entry.state);
    }
  }

  #lineChanged(): void {
    this.#tellPositions();
    if (!this.#isActive) return;
    this.#keepLine();
    this.#postLine();
  }

  #keepLine(): void {
    const running = this.#running?.taskId ?? null;
    const crashes = this.#crashes !== null && this.#crashes.taskId === running ? this.#crashes.count : 0;
    this.#keeper.keepLine({ order: [...this.#line], running, crashes });
  }

  #tellPositions(): void {
    for (const [position, [id, etaMs]] of this.#waiting().entries()) {
      this.#setState(this.#entries.get(id)!, { status: 'queued', position, etaMs });
    }
  }

  #postLine(): void {
    this.#channel.post({ type: 'line', waiting: this.#waiting() });
  }

  /** Waiting tasks with the time until each is finished. */
  #waiting(): readonly (readonly [string, number | null])[] {
    const running = this.#running;
    let before: number | null = 0;
    if (running !== null) {
      const left = running.request.batch - running.images.size;
      before = this.#progress?.etaMs ?? this.#clock.estimate(running.request, left);
    }
    return this.#line.map((id) => {
      const entry = this.#entries.get(id)!;
      const own = this.#clock.estimate(entry.request, entry.request.batch - entry.images.size);
      before = before === null || own === null ? null : before + own;
      return [id, before];
    });
  }

  #setState(entry: Entry, state: TaskState): void {
    entry.state = state;
    this.#tell({ type: 'state', taskId: entry.taskId, state });
  }

  #tell(event: TaskEvent): void {
    for (const listener of this.#listeners) listener(event);
  }
}

/** The task with pictures given anew; null without any. */
function withPictures(entry: Entry, pictures: TaskPictures | undefined): GenerationTask | null {
  const { taskId, request, adjustments } = entry;
  const image = pictures?.image ?? request.image;
  if (image === null) return null;
  const referenceImages = pictures?.referenceImages ?? request.referenceImages;
  const whole: KeptRequest & { readonly image: typeof image } = { ...request, image, referenceImages };
  return { taskId, request: whole, adjustments };
}
