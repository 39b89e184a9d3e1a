import { proxy } from 'comlink';
import type { InferenceType } from '../domain/compute-budget.ts';
import { AppError, toAppError, type ErrorCode } from '../domain/errors.ts';
import type { Engine, EngineCapabilities, EngineResult } from '../domain/ports.ts';
import type { Adjustment, ImageSource } from '../domain/request.ts';
import type { GenerationEvent, GenerationTask } from '../domain/task.ts';
import { installErrorTransfer } from './error-transfer.ts';
import type { GenerationApi, LoadedModel, LoadProgress, OpenedPicture, WorkerSetup } from './generation-api.ts';
import { WorkerClient, type LockWatch, type WorkerLike } from './worker-client.ts';

export interface LocalEngineOptions {
  readonly spawn: () => WorkerLike;
  readonly setup: Omit<WorkerSetup, 'verifyAll'>;
  readonly lockWatch: LockWatch;
}

/** After these the worker's state cannot be trusted: the next call gets a new one. */
const FATAL: readonly ErrorCode[] = [
  'device-lost',
  'engine-poisoned',
  'engine-hung',
  'out-of-memory',
  // The worker opened its backend once; only a new one tries again.
  'backend-unavailable',
];

const START_TIMEOUT_MS = 30_000;
/** A cancelled task whose worker stays silent this long is ended with its worker … */
const SILENCE_LIMIT_MS = 5_000;
/** … and so is one whose worker answers, but does not come to an end. */
const CANCEL_LIMIT_MS = 15_000;
const HEARTBEAT_MS = 1_000;

type Client = WorkerClient<GenerationApi>;

interface RunningTask {
  cancelled: boolean;
  client: Client | null;
  readonly finished: Promise<void>;
}

/** Computes in a worker of this page. A worker that dies or is poisoned is replaced; the next call gets the new one. */
export class LocalEngine implements Engine {
  readonly #options: LocalEngineOptions;
  readonly #listeners = new Set<(event: GenerationEvent<Blob>) => void>();
  readonly #loadListeners = new Set<(event: LoadProgress) => void>();
  readonly #running = new Map<string, RunningTask>();
  #inferenceType: InferenceType;
  /** Whether what is stored is looked through by the next worker: the last one ended other than by our wish. */
  #verifyAll = false;
  #client: Promise<Client> | null = null;

  constructor(options: LocalEngineOptions) {
    installErrorTransfer();
    this.#options = options;
    this.#inferenceType = options.setup.inferenceType;
  }

  subscribe(listener: (event: GenerationEvent<Blob>) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  subscribeToLoading(listener: (event: LoadProgress) => void): () => void {
    this.#loadListeners.add(listener);
    return () => this.#loadListeners.delete(listener);
  }

  async capabilities(): Promise<EngineCapabilities> {
    return this.#call((client) => client.call((api) => api.capabilities()));
  }

  async loadModel(bundle: string): Promise<LoadedModel> {
    return this.#call((client) => client.call((api) => api.loadModel(bundle)));
  }

  async checkPrompt(bundle: string, text: string): Promise<readonly Adjustment[]> {
    return this.#call((client) => client.call((api) => api.checkPrompt(bundle, text)));
  }

  async openPicture(bundle: string, source: ImageSource): Promise<OpenedPicture> {
    return this.#call((client) => client.call((api) => api.openPicture(bundle, source)));
  }

  async submit(task: GenerationTask): Promise<EngineResult> {
    let finish: () => void = () => undefined;
    const finished = new Promise<void>((resolve) => {
      finish = resolve;
    });
    const running: RunningTask = { cancelled: false, client: null, finished };
    this.#running.set(task.taskId, running);
    try {
      await this.#useBudget(task.request.inferenceType);
      return await this.#call(async (client): Promise<EngineResult> => {
        running.client = client;
        if (running.cancelled) return { status: 'cancelled' };
        return client.call(async (api): Promise<EngineResult> => await api.generate(task));
      });
    } catch (error) {
      if (running.cancelled) return { status: 'cancelled' };
      throw error;
    } finally {
      this.#running.delete(task.taskId);
      finish();
    }
  }

  async cancel(taskId: string): Promise<void> {
    const task = this.#running.get(taskId);
    if (task === undefined) return;
    task.cancelled = true;
    const client = task.client;
    if (client !== null) {
      client.call((api) => api.cancel(taskId)).catch(() => undefined); // its death ends the task as well
      void this.#endIfStuck(client, task);
    }
    await task.finished;
  }

  /** The next worker looks through everything that is stored. */
  verifyAllNext(): void {
    this.#verifyAll = true;
  }

  /** Ends the worker and everything that it was doing. */
  async close(): Promise<void> {
    const client = await this.#client?.catch(() => null);
    client?.terminate(new AppError('cancelled', 'The engine was closed.'));
  }

  async #endIfStuck(client: Client, task: RunningTask): Promise<void> {
    const begin = Date.now();
    const running = { yes: true };
    void task.finished.then(() => {
      running.yes = false;
    });
    while (running.yes && client.alive) {
      const now = Date.now();
      if (now - Math.max(begin, client.lastSignOfLife) >= SILENCE_LIMIT_MS || now - begin >= CANCEL_LIMIT_MS) {
        client.terminate(new AppError('engine-hung', 'The worker did not stop in time and was ended.'));
        return;
      }
      client.call((api) => api.ping()).catch(() => undefined);
      await Promise.race([task.finished, new Promise((resolve) => setTimeout(resolve, HEARTBEAT_MS))]);
    }
  }

  /** Another budget has other threads and other sessions: it gets its own worker. */
  async #useBudget(inferenceType: InferenceType): Promise<void> {
    if (inferenceType === this.#inferenceType) return;
    this.#inferenceType = inferenceType;
    await this.close();
    this.#client = null;
  }

  async #call<T>(use: (client: Client) => Promise<T>): Promise<T> {
    const client = await this.#liveClient();
    try {
      return await use(client);
    } catch (thrown) {
      const error = toAppError(thrown);
      if (error.code === 'worker-crashed') this.#verifyAll = true;
      if (FATAL.includes(error.code)) client.terminate(error);
      throw error;
    }
  }

  /** Whoever comes first after a death starts the one new worker; the others await it. */
  async #liveClient(): Promise<Client> {
    const present = this.#client;
    const client = await present?.catch(() => null);
    if (client?.alive === true) return client;
    if (this.#client === present) this.#client = this.#start();
    return this.#client!;
  }

  async #start(): Promise<Client> {
    const client: Client = new WorkerClient(this.#options.spawn());
    const timer = setTimeout(() => {
      client.terminate(
        new AppError('worker-crashed', 'The generation worker did not start in time; reload the page.', {
          retryable: true,
        }),
      );
    }, START_TIMEOUT_MS);
    try {
      const { setup: first } = this.#options;
      const setup = { ...first, inferenceType: this.#inferenceType, verifyAll: this.#verifyAll };
      this.#verifyAll = false;
      const { lock } = await client.call((api) => api.ready(setup));
      if (lock !== null && this.#options.lockWatch !== null) client.watchLock(lock, this.#options.lockWatch);
      await client.call((api) =>
        api.subscribe(
          proxy((event) => {
            if (event.type === 'load') for (const listener of this.#loadListeners) listener(event);
            else for (const listener of this.#listeners) listener(event);
          }),
        ),
      );
      return client;
    } finally {
      clearTimeout(timer);
    }
  }
}
