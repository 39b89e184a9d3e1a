import { batch, computed, signal, type ReadonlySignal } from '@preact/signals';
import { isAppError, toAppError, type AppError } from '../domain/errors.ts';
import type { InstallProgress, ModelListing, ModelSource, VerifyReport } from '../domain/models.ts';
import type { ModelClient } from '../engine/model-client.ts';
import type { ModelChannel } from '../model-store/model-channel.ts';
import { memoryFit, type MemoryFit } from './memory-fit.ts';

/** A model that is being worked on. */
export interface ModelWork {
  readonly progress: InstallProgress;
  /** False when another tab works on it. */
  readonly here: boolean;
}

/** Models on this device and in the catalogue, and everything that can be done with them. */
export interface ModelsModel {
  /** Null until asked for. */
  readonly list: ReadonlySignal<readonly ModelListing[] | null>;
  readonly work: ReadonlySignal<ReadonlyMap<string, ModelWork>>;
  /** Why something did not succeed, by model; under '' what belongs to none. */
  readonly errors: ReadonlySignal<ReadonlyMap<string, AppError>>;
  /** What verifying found, by model. */
  readonly reports: ReadonlySignal<ReadonlyMap<string, VerifyReport>>;
  /** Whether the browser has promised to keep the models; null until it was asked. */
  readonly persisted: ReadonlySignal<boolean | null>;
  readonly busy: ReadonlySignal<boolean>;
  fit(model: ModelListing): MemoryFit;
  refresh(): Promise<void>;
  install(source: ModelSource): Promise<void>;
  pause(id: string): Promise<void>;
  cancel(id: string): Promise<void>;
  remove(id: string): Promise<void>;
  verify(id: string): Promise<void>;
  takeOver(id: string): Promise<void>;
  importFiles(files: readonly File[]): Promise<void>;
  /** Null when it could not be made; the error is told. */
  exportZip(id: string): Promise<Blob | null>;
  /** Asks the browser to keep the models when the disk is short. */
  keep(): Promise<void>;
}

export interface ModelsParts {
  readonly client: ModelClient;
  readonly channel: ModelChannel;
  /** Whether this page's own engine is loading the model at the moment. */
  readonly isLoadingHere: (id: string) => boolean;
  /** Asks for persistent storage; null where that cannot be asked. */
  readonly persist: (() => Promise<boolean>) | null;
  readonly deviceMemoryBytes: number | null;
}

export function createModels({ client, channel, isLoadingHere, persist, deviceMemoryBytes }: ModelsParts): ModelsModel {
  const list = signal<readonly ModelListing[] | null>(null);
  const work = signal<ReadonlyMap<string, ModelWork>>(new Map());
  const errors = signal<ReadonlyMap<string, AppError>>(new Map());
  const reports = signal<ReadonlyMap<string, VerifyReport>>(new Map());
  const persisted = signal<boolean | null>(null);
  const calls = signal(0);

  channel.subscribe((event) => {
    if (event.type === 'progress') {
      const here = event.holder === client.holder || isLoadingHere(event.id);
      work.value = new Map(work.peek()).set(event.id, { progress: event.progress, here });
    }
    if (event.type === 'ended') {
      work.value = without(work.peek(), event.id);
      if (list.peek() !== null) void refresh();
    }
  });

  async function refresh(): Promise<void> {
    try {
      list.value = await client.call((api) => api.list());
    } catch (error) {
      errors.value = new Map(errors.peek()).set('', toAppError(error));
    }
  }

  /** Errors are told under the model, or under '' while it has no name; being stopped is no error. */
  async function doing<T>(id: string, run: () => Promise<T>): Promise<T | null> {
    batch(() => {
      errors.value = without(errors.peek(), id);
      reports.value = without(reports.peek(), id);
      calls.value += 1;
    });
    try {
      return await run();
    } catch (error) {
      if (!isAppError(error, 'cancelled')) errors.value = new Map(errors.peek()).set(id, toAppError(error));
      return null;
    } finally {
      calls.value -= 1;
      await refresh();
    }
  }

  async function install(source: ModelSource): Promise<void> {
    const installed = await doing('id' in source ? source.id : '', () => client.call((api) => api.install(source)));
    if (installed !== null) await keep();
  }

  async function keep(): Promise<void> {
    if (persist === null || persisted.peek() === true) return;
    persisted.value = await persist().catch(() => false);
  }

  return {
    list,
    work,
    errors,
    reports,
    persisted,
    busy: computed(() => calls.value > 0),
    fit: (model) => memoryFit(model.memoryBytes, deviceMemoryBytes),
    refresh,
    install,
    async pause(id) {
      await client.call((api) => api.pause(id));
    },
    async cancel(id) {
      await doing(id, () => client.call((api) => api.cancel(id)));
    },
    async remove(id) {
      await doing(id, () => client.call((api) => api.remove(id)));
    },
    async verify(id) {
      const report = await doing(id, () => client.call((api) => api.verify(id)));
      if (report !== null) reports.value = new Map(reports.peek()).set(id, report);
    },
    async takeOver(id) {
      await client.call((api) => api.pause(id));
      await install({ id });
    },
    async importFiles(files) {
      const installed = await doing('', () => client.call((api) => api.importFiles(files)));
      if (installed !== null) await keep();
    },
    exportZip: (id) => doing(id, () => client.call((api) => api.exportZip(id))),
    keep,
  };
}

function without<T>(map: ReadonlyMap<string, T>, key: string): ReadonlyMap<string, T> {
  const rest = new Map(map);
  rest.delete(key);
  return rest;
}
