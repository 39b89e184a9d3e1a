import type { Remote } from 'comlink';
import { AppError } from '../domain/errors.ts';
import { installErrorTransfer } from './error-transfer.ts';
import type { ModelApi } from './model-api.ts';
import { WorkerClient, type LockWatch, type WorkerLike } from './worker-client.ts';

export interface ModelClientOptions {
  readonly spawn: () => WorkerLike;
  readonly lockWatch: LockWatch;
  /** Absolute URL of catalog.json. */
  readonly catalogueUrl: string;
}

/** The page's side of the model worker: started by the first call, replaced when it has died. */
export class ModelClient {
  readonly #options: ModelClientOptions;
  #client: Promise<WorkerClient<ModelApi>> | null = null;
  #holder: string | null = null;

  constructor(options: ModelClientOptions) {
    installErrorTransfer();
    this.#options = options;
  }

  /** The present worker's name on the model channel; null before it was started. */
  get holder(): string | null {
    return this.#holder;
  }

  /** Throws AppError: the worker's own, `worker-crashed` when it dies meanwhile. */
  async call<T>(run: (api: Remote<ModelApi>) => Promise<T>): Promise<T> {
    const present = this.#client;
    const client = await present?.catch(() => null);
    // Whoever comes first after a death starts the one new worker; the others await it.
    if (client?.alive !== true && this.#client === present) this.#client = this.#start();
    return (await this.#client!).call(run);
  }

  async close(): Promise<void> {
    const client = await this.#client?.catch(() => null);
    client?.terminate(new AppError('cancelled', 'The model worker was closed.'));
  }

  async #start(): Promise<WorkerClient<ModelApi>> {
    const client = new WorkerClient<ModelApi>(this.#options.spawn());
    const { lock, holder } = await client.call((api) => api.ready({ catalogueUrl: this.#options.catalogueUrl }));
    this.#holder = holder;
    if (lock !== null && this.#options.lockWatch !== null) client.watchLock(lock, this.#options.lockWatch);
    return client;
  }
}
