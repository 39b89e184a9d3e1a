/** The line of tasks in front of one engine, shared by all tabs and kept between visits; see TaskQueue. */
import type { PendingTask, ResultStore, TaskStore } from '../domain/kept-tasks.ts';
import type { Engine } from '../domain/ports.ts';
import type { TaskEvent, TaskPictures, TaskQueue, TaskSnapshot } from '../domain/task-queue.ts';
import type { GenerationTask } from '../domain/task.ts';
import { DrawingDesk, type BeginOptions } from './drawing-desk.ts';
import { byPlace, enterEnd, snapshot, type Entry } from './entry.ts';
import type { TaskChannel, TaskMessage } from './task-channel.ts';
import { TaskKeeper } from './task-keeper.ts';
import { TaskList } from './task-list.ts';

export interface TaskQueueParts {
  readonly engine: Engine;
  readonly tasks: TaskStore;
  readonly results: ResultStore;
  readonly channel: TaskChannel;
  /** Milliseconds since 1970. */
  readonly now?: () => number;
}

export class SharedTaskQueue implements TaskQueue {
  readonly #list = new TaskList();
  readonly #keeper: TaskKeeper;
  readonly #desk: DrawingDesk;
  readonly #channel: TaskChannel;
  readonly #now: () => number;

  constructor({ engine, tasks, results, channel, now = Date.now }: TaskQueueParts) {
    const list = this.#list;
    const keeper = new TaskKeeper(tasks, results, (error) => list.tell({ type: 'keeping', error }));
    this.#keeper = keeper;
    this.#channel = channel;
    this.#now = now;
    this.#desk = new DrawingDesk({ engine, list, keeper, channel, now });
    channel.subscribe((message) => this.#onMessage(message));
  }

  /** Lists what is kept while another tab draws. */
  async watch(): Promise<void> {
    await this.#list.load(this.#keeper, null);
    this.#desk.lineChanged();
    if (!this.#desk.isOpen) this.#channel.post({ type: 'hello' });
  }

  /** This tab draws from now on; what another one had begun goes on after its last finished image. */
  begin(options: BeginOptions): Promise<void> {
    return this.#desk.open(options);
  }

  /** This tab draws no more: `stopEngine` is called, and everything is written down for the next one. */
  end(stopEngine: () => Promise<void>): Promise<void> {
    return this.#desk.close(stopEngine);
  }

  async add(tasks: readonly GenerationTask[]): Promise<void> {
    const createdAt = this.#list.placeWish(this.#now());
    const added: readonly PendingTask[] = tasks.map((task, scene) => ({ task, createdAt, scene }));
    const entries = added.map((pending) => this.#list.append(pending, false));
    this.#desk.lineChanged();
    const kept = Promise.all(entries.map((entry) => this.#keeper.keepPending(entry)));
    if (this.#desk.isOpen) void this.#desk.drawNext();
    else await kept; // else the tab that draws might be done with it before it is written
    this.#channel.post({ type: 'added', tasks: added });
    await kept;
  }

  async move(taskId: string, position: number): Promise<void> {
    if (!this.#desk.isOpen) return this.#ask({ type: 'move', taskId, position });
    if (!this.#list.line.includes(taskId)) return;
    const others = this.#list.line.filter((id) => id !== taskId);
    const place = Math.min(Math.max(0, Math.trunc(position)), others.length);
    this.#list.line = [...others.slice(0, place), taskId, ...others.slice(place)];
    this.#desk.lineChanged();
    await this.#keeper.idle([]);
  }

  async cancel(taskId: string): Promise<void> {
    if (!this.#desk.isOpen) return this.#ask({ type: 'cancel', taskId });
    if (!this.#list.line.includes(taskId)) return this.#desk.stop(taskId);
    await this.#cancelWaiting([taskId]);
  }

  async cancelAll(): Promise<void> {
    if (!this.#desk.isOpen) return this.#ask({ type: 'cancel-all' });
    // Waiting ones first: else the next would start as soon as the running one ends.
    await Promise.all([this.#cancelWaiting(this.#list.line), this.#desk.stop()]);
  }

  async retry(taskId: string, pictures?: TaskPictures): Promise<boolean> {
    const entry = this.#list.get(taskId);
    if (entry?.finished == null || entry.finished.end.status === 'done') return false;
    const task = entry.task ?? withPictures(entry, pictures);
    if (task === null) return false;
    if (!this.#desk.isOpen) {
      const { image, referenceImages } = task.request;
      await this.#ask({ type: 'retry', taskId, pictures: { image, referenceImages } });
      return true;
    }
    entry.task = task;
    entry.request = task.request;
    entry.finished = null;
    this.#list.line = [...this.#list.line, taskId];
    this.#desk.lineChanged();
    void this.#desk.drawNext();
    await this.#keeper.keepPending(entry);
    this.#channel.post({ type: 'added', tasks: [{ task, createdAt: entry.createdAt, scene: entry.scene }] });
    return true;
  }

  async remove(taskId: string): Promise<void> {
    const entry = this.#list.get(taskId);
    if (entry === undefined || entry.finished === null) return;
    this.#list.drop(taskId);
    this.#channel.post({ type: 'removed', taskId });
    await this.#keeper.forget(entry, this.#list.entries());
  }

  loaded(): Promise<void> {
    return this.#list.loaded;
  }

  get(taskId: string): TaskSnapshot | null {
    const entry = this.#list.get(taskId);
    return entry === undefined ? null : snapshot(entry);
  }

  list(): readonly TaskSnapshot[] {
    return [...this.#list.entries()].sort(byPlace).map(snapshot);
  }

  subscribe(listener: (event: TaskEvent) => void): () => void {
    return this.#list.subscribe(listener);
  }

  /** The tab that draws does it. */
  #ask(message: TaskMessage): Promise<void> {
    this.#channel.post(message);
    return Promise.resolve();
  }

  async #cancelWaiting(ids: readonly string[]): Promise<void> {
    const entries = ids.map((id) => this.#list.get(id)!);
    for (const id of ids) this.#list.leaveLine(id);
    await Promise.all(entries.map((entry) => this.#desk.finish(entry, { status: 'cancelled' })));
    this.#desk.lineChanged();
  }

  #onMessage(message: TaskMessage): void {
    if (message.type === 'added') this.#onAdded(message.tasks);
    else if (message.type === 'removed') this.#list.drop(message.taskId);
    else if (this.#desk.isOpen) this.#onWish(message);
    else this.#onNews(message);
  }

  #onAdded(tasks: readonly PendingTask[]): void {
    for (const pending of tasks) {
      const present = this.#list.get(pending.task.taskId);
      if (present === undefined) this.#list.append(pending, true);
      else if (!this.#desk.isOpen) Object.assign(present, { finished: null, task: pending.task });
    }
    this.#desk.lineChanged();
    if (this.#desk.isOpen) void this.#desk.drawNext();
  }

  /** What other tabs want of the one that draws. */
  #onWish(message: TaskMessage): void {
    if (message.type === 'hello') this.#desk.postLine();
    if (message.type === 'cancel') void this.cancel(message.taskId);
    if (message.type === 'cancel-all') void this.cancelAll();
    if (message.type === 'move') void this.move(message.taskId, message.position);
    if (message.type === 'retry') void this.retry(message.taskId, message.pictures);
  }

  /** What the tab that draws has done. */
  #onNews(message: TaskMessage): void {
    if (message.type === 'line') {
      this.#list.line = message.waiting.map(([id]) => id).filter((id) => this.#list.get(id) !== undefined);
      this.#list.tellPositions(message.waiting);
    }
    if (message.type === 'ended') {
      const entry = this.#list.get(message.task.taskId);
      if (entry === undefined) return;
      this.#list.leaveLine(entry.taskId);
      enterEnd(entry, message.task);
      this.#list.setState(entry, entry.state);
    }
    if (message.type !== 'progress' && message.type !== 'image') return;
    const { taskId } = message;
    const entry = this.#list.get(taskId);
    if (entry === undefined) return;
    if (message.type === 'progress') this.#list.setState(entry, { status: 'running', progress: message.progress });
    else if (!entry.images.has(message.result.index)) {
      entry.images.set(message.result.index, message.result);
      this.#list.tell({ type: 'image', taskId, result: message.result });
    }
  }
}

/** The task with pictures given anew; null without any. */
function withPictures(entry: Entry, pictures: TaskPictures | undefined): GenerationTask | null {
  const { taskId, request, adjustments } = entry;
  const image = pictures?.image ?? request.image;
  if (image === null) return null;
  const referenceImages = pictures?.referenceImages ?? request.referenceImages;
  return { taskId, request: { ...request, image, referenceImages }, adjustments };
}
