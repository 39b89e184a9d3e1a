import { signal, type ReadonlySignal } from '@preact/signals';
import { toAppError, type AppError, type ErrorCode } from '../domain/errors.ts';
import type { BundleManifest } from '../bundle/manifest.ts';
import type { BackendInfo, EngineBuild } from '../domain/ports.ts';
import type { LocalEngine } from '../engine/local-engine.ts';

/** What computes, and how far the model has come. */
export interface EngineStatus {
  readonly backend: ReadonlySignal<BackendInfo | null>;
  /** The engine's files in use; null until they are loaded, and where there are none. */
  readonly engineBuild: ReadonlySignal<EngineBuild | null>;
  readonly manifest: ReadonlySignal<BundleManifest | null>;
  readonly loading: ReadonlySignal<{ readonly loaded: number; readonly total: number } | null>;
  readonly notKept: ReadonlySignal<ErrorCode | null>;
  readonly error: ReadonlySignal<AppError | null>;
  /** Starts the worker and loads the model; again after an error. */
  start(): Promise<void>;
  /** Asks again what computes: another budget has other threads, and a lost device another backend. */
  refresh(): Promise<void>;
}

export function createEngineStatus(engine: LocalEngine, bundle: string): EngineStatus {
  const backend = signal<BackendInfo | null>(null);
  const engineBuild = signal<EngineBuild | null>(null);
  const manifest = signal<BundleManifest | null>(null);
  const loading = signal<{ readonly loaded: number; readonly total: number } | null>(null);
  const notKept = signal<ErrorCode | null>(null);
  const error = signal<AppError | null>(null);

  engine.subscribeToLoading(({ loadedBytes, totalBytes }) => {
    loading.value = loadedBytes < totalBytes ? { loaded: loadedBytes, total: totalBytes } : null;
  });

  return {
    backend,
    engineBuild,
    manifest,
    loading,
    notKept,
    error,
    async start() {
      error.value = null;
      try {
        const [capabilities, model] = await Promise.all([engine.capabilities(), engine.loadModel(bundle)]);
        backend.value = capabilities.backend;
        engineBuild.value = capabilities.engineBuild ?? null;
        manifest.value = model.manifest;
        notKept.value = model.notKept;
      } catch (thrown) {
        error.value = toAppError(thrown);
      } finally {
        loading.value = null;
      }
    },
    async refresh() {
      const capabilities = await engine.capabilities().catch(() => null);
      if (capabilities === null) return;
      backend.value = capabilities.backend;
      engineBuild.value = capabilities.engineBuild ?? null;
    },
  };
}
