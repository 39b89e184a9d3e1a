/** The queue of `serve`: one task computes at a time, every task lies on disk before its submit is answered. */
import type { ApiModel, Idempotency, ReportedState, TaskDesk, TaskReport } from '../../src/api/task-desk.ts';
import { AppError, toAppError } from '../../src/domain/errors.ts';
import type { Engine } from '../../src/domain/ports.ts';
import type { GenerationTask, TaskProgress } from '../../src/domain/task.ts';
import { lockFolder } from './data-folder.ts';
import { TaskFiles, withoutPictures, type StoredState, type StoredTask } from './task-files.ts';

export interface FileDeskOptions {
  readonly engine: Engine;
  readonly folder: string;
  readonly models: readonly ApiModel[];
  /** Model ids whose pictures are checked by their bundle. */
  readonly safetyChecked?: readonly string[];
  readonly limits?: Partial<DeskLimits>;
  readonly log?: (line: string) => void;
}

export interface DeskLimits {
  /** Tasks that wait or run. */
  readonly waiting: number;
  /** Ended tasks that are kept, and for how long, ms; the oldest go first. */
  readonly keptTasks: number;
  readonly keptMs: number;
}

const DAY_MS = 24 * 60 * 60 * 1000;
export const DESK_LIMITS: DeskLimits = { waiting: 100, keptTasks: 1000, keptMs: 7 * DAY_MS };
const SWEEP_EVERY_MS = 60 * 60 * 1000;
const RETRY_AFTER_SECONDS = 10;
/** A task during which the thread or the whole process ended this often is not begun again. */
const MAX_BEGUN = 3;

export class FileDesk implements TaskDesk {
  readonly #options: FileDeskOptions;
  readonly #limits: DeskLimits;
  readonly #files: TaskFiles;
  readonly #unlock: () => Promise<void>;
  readonly #tasks = new Map<string, StoredTask>();
  readonly #byKey = new Map<string, string>();
  /** Tasks that are being written to disk. */
  readonly #arriving = new Map<string, Promise<void>>();
  /** Ids in order. */
  #waiting: string[] = [];
  #running: { readonly taskId: string; progress: TaskProgress | null; readonly over: Promise<void> } | null = null;
  /** Tasks that were cancelled while they ran. */
  readonly #cancelled = new Set<string>();
  readonly #endListeners = new Map<string, (() => void)[]>();
  readonly #sweeper: ReturnType<typeof setInterval>;
  #nextOrder = 0;
  #closing = false;

  /** Opens the folder and goes on with what waits there. Throws UsageError when another server uses it. */
  static async open(options: FileDeskOptions): Promise<FileDesk> {
    const unlock = await lockFolder(options.folder);
    const desk = new FileDesk(options, unlock);
    await desk.#restore();
    return desk;
  }

  private constructor(options: FileDeskOptions, unlock: () => Promise<void>) {
    this.#options = options;
    this.#limits = { ...DESK_LIMITS, ...options.limits };
    this.#files = new TaskFiles(options.folder);
    this.#unlock = unlock;
    this.#sweeper = setInterval(() => void this.#sweep(), SWEEP_EVERY_MS);
    this.#sweeper.unref();
    options.engine.subscribe((event) => {
      if (event.type === 'progress' && this.#running?.taskId === event.taskId) this.#running.progress = event.progress;
    });
  }

  models(): ReturnType<TaskDesk['models']> {
    const { models } = this.#options;
    return Promise.resolve({ models, defaultModel: models[0]!.id });
  }

  async submit(task: GenerationTask, idempotency: Idempotency | null): Promise<string> {
    if (this.#closing) throw new AppError('unavailable', 'The server is shutting down.', { retryable: true });
    const earlier = idempotency && this.#earlier(idempotency);
    if (earlier != null) {
      await this.#arriving.get(earlier);
      return earlier;
    }
    if (this.#arriving.size + this.#waiting.length + (this.#running ? 1 : 0) >= this.#limits.waiting) {
      throw new AppError('rate-limited', `The queue is full (${this.#limits.waiting} tasks); try again later.`, {
        details: { retryAfterSeconds: RETRY_AFTER_SECONDS },
      });
    }
    const { taskId, request, adjustments } = task;
    const stored: StoredTask = {
      format: 1,
      taskId,
      order: this.#nextOrder++,
      request: withoutPictures(request),
      adjustments,
      idempotency,
      begun: 0,
      endedAt: null,
      state: { status: 'waiting' },
    };
    // Known at once, so that the same key sent twice at the same time is one task.
    this.#remember(stored);
    const arrival = this.#arrive(stored, request).finally(() => this.#arriving.delete(taskId));
    this.#arriving.set(taskId, arrival);
    await arrival;
    return taskId;
  }

  report(taskId: string): Promise<TaskReport | undefined> {
    const task = this.#tasks.get(taskId);
    if (task === undefined) return Promise.resolve(undefined);
    const { request, adjustments } = task;
    const safetyChecked = this.#options.safetyChecked?.includes(request.appId) ?? false;
    return Promise.resolve({ taskId, request, adjustments, safetyChecked, state: this.#stateOf(task) });
  }

  ended(taskId: string): Promise<void> {
    if (this.#closing || this.#tasks.get(taskId)?.endedAt !== null) return Promise.resolve();
    return new Promise((resolve) => {
      this.#endListeners.set(taskId, [...(this.#endListeners.get(taskId) ?? []), resolve]);
    });
  }

  async cancel(taskId: string): Promise<void> {
    await this.#arriving.get(taskId);
    if (this.#running?.taskId === taskId) {
      this.#cancelled.add(taskId);
      await Promise.all([this.#options.engine.cancel(taskId), this.#running.over]);
      return;
    }
    const task = this.#tasks.get(taskId);
    if (task === undefined || task.endedAt !== null) return;
    this.#waiting = this.#waiting.filter((id) => id !== taskId);
    await this.#end(task, { status: 'cancelled' });
  }

  async picture(taskId: string, index: number): Promise<Blob | undefined> {
    const task = this.#tasks.get(taskId);
    if (task?.state.status !== 'done') return undefined;
    const bytes = await this.#files.readImage(taskId, index);
    return bytes && new Blob([bytes], { type: `image/${task.request.outputFormat}` });
  }

  /** Takes nothing more, stops what runs (it begins again at the next start) and lets the folder go. */
  async close(): Promise<void> {
    this.#closing = true;
    clearInterval(this.#sweeper);
    await Promise.allSettled(this.#arriving.values());
    const running = this.#running;
    if (running) await Promise.all([this.#options.engine.cancel(running.taskId), running.over]);
    for (const listeners of this.#endListeners.values()) for (const listener of listeners) listener();
    this.#endListeners.clear();
    await this.#unlock();
  }

  async #arrive(task: StoredTask, request: GenerationTask['request']): Promise<void> {
    try {
      await this.#files.add(task, request);
    } catch (cause) {
      this.#forget(task);
      await this.#files.delete(task.taskId).catch(() => undefined);
      throw new AppError('storage-unavailable', 'The task could not be written to disk.', { cause });
    }
    this.#waiting.push(task.taskId);
    this.#waiting.sort((a, b) => this.#tasks.get(a)!.order - this.#tasks.get(b)!.order);
    void this.#runNext();
  }

  async #restore(): Promise<void> {
    const log = this.#options.log ?? (() => undefined);
    for (const task of await this.#files.all((folder) => log(`${folder} cannot be read and is left alone.`))) {
      this.#remember(task);
      this.#nextOrder = task.order + 1;
      if (task.endedAt !== null) continue;
      if (task.begun < MAX_BEGUN) this.#waiting.push(task.taskId);
      else {
        const message = `The server ended ${task.begun} times while it computed this task.`;
        await this.#end(task, { status: 'failed', error: { code: 'worker-crashed', message, details: {} } });
      }
    }
    const { length } = this.#waiting;
    if (length > 0) log(`${length} ${length === 1 ? 'task waits' : 'tasks wait'} from before.`);
    await this.#sweep();
    void this.#runNext();
  }

  async #runNext(): Promise<void> {
    if (this.#running || this.#closing) return;
    const taskId = this.#waiting.shift();
    if (taskId === undefined) return;
    const task = this.#tasks.get(taskId)!;
    const over = this.#compute(task).finally(() => {
      this.#running = null;
      this.#cancelled.delete(taskId);
      void this.#runNext();
    });
    this.#running = { taskId, progress: null, over };
    await over;
  }

  async #compute(task: StoredTask): Promise<void> {
    const { taskId } = task;
    const begun = { ...task, begun: task.begun + 1 };
    const state = await this.#outcome(begun).catch((thrown: unknown): StoredState => {
      const { code, message, details } = toAppError(thrown);
      this.#options.log?.(`Task ${taskId} failed: ${code}.`);
      return { status: 'failed', error: { code, message, details } };
    });
    const interrupted = state.status === 'cancelled' && !this.#cancelled.has(taskId);
    const died = state.status === 'failed' && state.error.code === 'worker-crashed' && begun.begun < MAX_BEGUN;
    if (interrupted || state.status === 'waiting') await this.#keep(task);
    else if (died) {
      await this.#keep(begun);
      this.#waiting.unshift(taskId);
    } else await this.#end(begun, state);
  }

  async #outcome(task: StoredTask): Promise<StoredState> {
    const { taskId, adjustments } = task;
    await this.#files.write(task);
    const request = await this.#files.request(task);
    if (this.#cancelled.has(taskId)) return { status: 'cancelled' };
    if (this.#closing) return { status: 'waiting' };
    const result = await this.#options.engine.submit({ taskId, request, adjustments });
    if (result.status === 'cancelled') return result;
    const { images, ...outcome } = result.outcome;
    for (const { index, image } of images) await this.#files.writeImage(taskId, index, image);
    return { status: 'done', outcome: { ...outcome, images: images.map((image) => ({ ...image, image: null })) } };
  }

  async #end(task: StoredTask, state: StoredState): Promise<void> {
    await this.#keep({ ...task, state, endedAt: Date.now() });
    for (const listener of this.#endListeners.get(task.taskId) ?? []) listener();
    this.#endListeners.delete(task.taskId);
    await this.#sweep();
  }

  async #keep(task: StoredTask): Promise<void> {
    this.#tasks.set(task.taskId, task);
    await this.#files.write(task).catch(() => this.#options.log?.(`Task ${task.taskId} could not be written to disk.`));
  }

  async #sweep(): Promise<void> {
    const ended = [...this.#tasks.values()]
      .filter(({ endedAt }) => endedAt !== null)
      .sort((a, b) => b.endedAt! - a.endedAt! || b.order - a.order);
    const oldest = Date.now() - this.#limits.keptMs;
    for (const [place, task] of ended.entries()) {
      if (place < this.#limits.keptTasks && task.endedAt! >= oldest) continue;
      this.#forget(task);
      await this.#files
        .delete(task.taskId)
        .catch(() => this.#options.log?.(`Task ${task.taskId} could not be deleted.`));
    }
  }

  #stateOf({ taskId, state }: StoredTask): ReportedState {
    if (state.status === 'failed') {
      const { code, message, details } = state.error;
      return { status: 'failed', error: new AppError(code, message, { details }) };
    }
    if (state.status !== 'waiting') return state;
    const progress = this.#running?.taskId === taskId ? this.#running.progress : null;
    if (progress !== null) return { status: 'running', progress };
    return { status: 'queued', position: Math.max(0, this.#waiting.indexOf(taskId)) };
  }

  #earlier({ key, fingerprint }: Idempotency): string | undefined {
    const taskId = this.#byKey.get(key);
    const earlier = taskId === undefined ? undefined : this.#tasks.get(taskId);
    if (earlier === undefined) return undefined;
    if (earlier.idempotency?.fingerprint !== fingerprint) {
      throw new AppError('invalid-request', 'This Idempotency-Key was used for another request; use a new one.');
    }
    return taskId;
  }

  #remember(task: StoredTask): void {
    this.#tasks.set(task.taskId, task);
    if (task.idempotency) this.#byKey.set(task.idempotency.key, task.taskId);
  }

  #forget({ taskId, idempotency }: StoredTask): void {
    this.#tasks.delete(taskId);
    this.#waiting = this.#waiting.filter((id) => id !== taskId);
    if (idempotency && this.#byKey.get(idempotency.key) === taskId) this.#byKey.delete(idempotency.key);
  }
}
