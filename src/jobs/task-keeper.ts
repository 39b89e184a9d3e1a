import { AppError, toAppError } from '../domain/errors.ts';
import type { FinishedTask, PendingTask, ResultStore, TaskLine, TaskStore } from '../domain/kept-tasks.ts';
import type { GeneratedImage } from '../domain/task.ts';
import type { Entry } from './entry.ts';

export interface KeptTasks {
  readonly pending: readonly PendingTask[];
  readonly finished: readonly FinishedTask[];
  readonly line: TaskLine;
}

/**
 * Writes tasks down as they go on. What cannot be written stays in memory and is told; it is written as soon as there is
 * room again.
 */
export class TaskKeeper {
  readonly #tasks: TaskStore;
  readonly #results: ResultStore;
  readonly #tell: (error: AppError | null) => void;
  #lineWrites: Promise<void> = Promise.resolve();
  #isTroubled = false;

  constructor(tasks: TaskStore, results: ResultStore, tell: (error: AppError | null) => void) {
    this.#tasks = tasks;
    this.#results = results;
    this.#tell = tell;
  }

  /** A task that is both pending and finished has finished: the page ended between the two writes. */
  async load(): Promise<KeptTasks> {
    const nothing = { tasks: [], damaged: [] };
    const finished = await this.#results.all().catch((error: unknown) => (this.#trouble(error), nothing));
    const pending = await this.#tasks.all().catch((error: unknown) => (this.#trouble(error), nothing));
    const line = await this.#tasks.line().catch(() => ({ order: [], running: null, crashes: 0 }));
    const damaged = pending.damaged.length + finished.damaged.length;
    if (damaged > 0) {
      const message = `${damaged} kept tasks cannot be read any more and were removed.`;
      this.#tell(new AppError('integrity', message, { details: { tasks: damaged } }));
      for (const id of [...pending.damaged, ...finished.damaged]) await this.#results.delete(id).catch(() => undefined);
    }
    const ended = new Set(finished.tasks.map(({ taskId }) => taskId));
    for (const { task } of pending.tasks) {
      if (ended.has(task.taskId)) await this.#tasks.delete(task.taskId).catch(() => undefined);
    }
    return { pending: pending.tasks.filter(({ task }) => !ended.has(task.taskId)), finished: finished.tasks, line };
  }

  /** Adds the images that are kept; gives those that were not known here. */
  async loadImages(entry: Entry): Promise<readonly GeneratedImage<Blob>[]> {
    const images = await this.#results.images(entry.taskId).catch(() => new Map<number, GeneratedImage<Blob>>());
    const unknown = [...images.values()].filter(({ index }) => !entry.images.has(index));
    for (const image of unknown) entry.images.set(image.index, image);
    return unknown;
  }

  keepPending(entry: Entry): Promise<void> {
    return this.#write(entry, async () => {
      const { task, createdAt, scene } = entry;
      if (task === null) return;
      entry.isKept = false;
      await this.#tasks.put({ task, createdAt, scene });
      await this.#results.reopen(entry.taskId);
      entry.isKept = true;
    });
  }

  keepImage(entry: Entry, image: GeneratedImage<Blob>): void {
    entry.unsaved.add(image.index);
    void this.#write(entry, () => this.#saveImage(entry, image));
  }

  /** Only when all of it is written do task and pictures go: what is lost before is drawn again. */
  settle(entry: Entry): Promise<void> {
    return this.#write(entry, async () => {
      const { finished } = entry;
      if (finished === null) return;
      entry.isKept = false;
      for (const index of [...entry.unsaved]) await this.#saveImage(entry, entry.images.get(index)!);
      await this.#results.finish(finished);
      await this.#tasks.delete(entry.taskId);
      entry.isKept = true;
    });
  }

  /** Deletes a task; `others` may then find room. */
  async forget(entry: Entry, others: Iterable<Entry>): Promise<void> {
    await this.#write(entry, async () => {
      await this.#tasks.delete(entry.taskId);
      await this.#results.delete(entry.taskId);
    });
    if (!this.#isTroubled) return;
    this.#isTroubled = false;
    for (const other of others) {
      if (other.isKept) continue;
      await (other.finished === null ? this.keepPending(other) : this.settle(other));
    }
    if (!this.#wasTroubledMeanwhile()) this.#tell(null);
  }

  /** Its loss costs nothing but the order. */
  keepLine(line: TaskLine): void {
    this.#lineWrites = this.#lineWrites.then(() => this.#tasks.putLine(line)).catch(() => undefined);
  }

  /** Resolves when everything asked for so far is written. */
  async idle(entries: Iterable<Entry>): Promise<void> {
    await this.#lineWrites;
    for (const entry of entries) await entry.writes;
  }

  async #saveImage(entry: Entry, image: GeneratedImage<Blob>): Promise<void> {
    await this.#results.putImage(entry.taskId, image);
    entry.unsaved.delete(image.index);
  }

  #write(entry: Entry, work: () => Promise<void>): Promise<void> {
    entry.writes = entry.writes.then(work).catch((error: unknown) => this.#trouble(error));
    return entry.writes;
  }

  #trouble(error: unknown): void {
    this.#isTroubled = true;
    this.#tell(toAppError(error));
  }

  #wasTroubledMeanwhile(): boolean {
    return this.#isTroubled;
  }
}
