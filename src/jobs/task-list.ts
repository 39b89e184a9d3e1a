import type { PendingTask, TaskLine } from '../domain/kept-tasks.ts';
import type { TaskEvent } from '../domain/task-queue.ts';
import type { TaskState } from '../domain/task.ts';
import { byPlace, enterEnd, finishedEntry, pendingEntry, snapshot, type Entry } from './entry.ts';
import type { TaskKeeper } from './task-keeper.ts';

/** Waiting tasks, next first, with the milliseconds until each is finished. */
export type Waiting = readonly (readonly [taskId: string, etaMs: number | null])[];

/** All tasks as this tab knows them, and the line of those that wait. Tells every change. */
export class TaskList {
  readonly #entries = new Map<string, Entry>();
  readonly #listeners = new Set<(event: TaskEvent) => void>();
  #lastWish = 0;
  #hasLoaded: () => void = () => undefined;
  /** Resolves when what was kept has been listed once. */
  readonly loaded = new Promise<void>((resolve) => (this.#hasLoaded = resolve));
  /** Ids of waiting tasks, next first. */
  line: readonly string[] = [];

  get(taskId: string): Entry | undefined {
    return this.#entries.get(taskId);
  }

  entries(): readonly Entry[] {
    return [...this.#entries.values()];
  }

  subscribe(listener: (event: TaskEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  tell(event: TaskEvent): void {
    for (const listener of this.#listeners) listener(event);
  }

  setState(entry: Entry, state: TaskState): void {
    entry.state = state;
    this.tell({ type: 'state', taskId: entry.taskId, state });
  }

  tellPositions(waiting: Waiting): void {
    for (const [position, [id, etaMs]] of waiting.entries()) {
      const entry = this.#entries.get(id);
      if (entry !== undefined) this.setState(entry, { status: 'queued', position, etaMs });
    }
  }

  /** `Date.now()` of a wish, later than that of every other one. */
  placeWish(now: number): number {
    return Math.max(now, this.#lastWish + 1);
  }

  /** Puts a task at the end of the line. */
  append(pending: PendingTask, isKept: boolean): Entry {
    const entry = pendingEntry(pending, isKept);
    this.line = [...this.line, entry.taskId];
    this.#show(entry);
    return entry;
  }

  leaveLine(taskId: string): void {
    this.line = this.line.filter((id) => id !== taskId);
  }

  drop(taskId: string): void {
    this.leaveLine(taskId);
    if (this.#entries.delete(taskId)) this.tell({ type: 'removed', taskId });
  }

  /** Takes over what is kept: other tabs may have gone on since the last look. `running` is not put into the line. */
  async load(keeper: TaskKeeper, running: Entry | null): Promise<TaskLine> {
    const { pending, finished, line } = await keeper.load();
    const kept = new Set([...pending.map(({ task }) => task.taskId), ...finished.map(({ taskId }) => taskId)]);
    for (const entry of this.entries()) if (entry.isKept && !kept.has(entry.taskId)) this.drop(entry.taskId);
    for (const task of finished) {
      const present = this.#entries.get(task.taskId);
      const entry = present ?? finishedEntry(task);
      await this.#loadImages(keeper, entry);
      if (present?.finished != null) continue;
      enterEnd(entry, task);
      this.leaveLine(task.taskId);
      if (present === undefined) this.#show(entry);
      else this.setState(entry, entry.state);
    }
    for (const task of [...pending].sort(byPlace)) {
      const present = this.#entries.get(task.task.taskId);
      const entry = present ?? pendingEntry(task, true);
      await this.#loadImages(keeper, entry);
      if (!this.#entries.has(entry.taskId)) this.#show(entry);
    }
    const waiting = this.entries().filter((entry) => entry.finished === null && entry !== running);
    const ids = waiting.sort(byPlace).map(({ taskId }) => taskId);
    const first = [...(line.running === null ? [] : [line.running]), ...line.order].filter((id) => ids.includes(id));
    this.line = [...new Set([...first, ...ids])];
    this.#hasLoaded();
    return line;
  }

  /** What another tab has drawn and could not tell any more is told now. */
  async #loadImages(keeper: TaskKeeper, entry: Entry): Promise<void> {
    const { taskId } = entry;
    for (const result of await keeper.loadImages(entry)) {
      if (this.#entries.has(taskId)) this.tell({ type: 'image', taskId, result });
    }
  }

  #show(entry: Entry): void {
    this.#lastWish = Math.max(this.#lastWish, entry.createdAt);
    this.#entries.set(entry.taskId, entry);
    this.tell({ type: 'added', task: snapshot(entry) });
  }
}
