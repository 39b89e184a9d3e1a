import { batch, computed, effect, signal, type ReadonlySignal } from '@preact/signals';
import { toAppError, type AppError, type ErrorCode } from '../domain/errors.ts';
import type { BundleManifest } from '../bundle/manifest.ts';
import type { BackendInfo, EngineBuild } from '../domain/ports.ts';
import type { LocalEngine } from '../engine/local-engine.ts';
import type { CrashGuard, LastEnd } from './crash-guard.ts';

/** What computes, and how far the model has come. */
export interface EngineStatus {
  /** Id of the model in use, or on its way. */
  readonly bundle: ReadonlySignal<string>;
  readonly backend: ReadonlySignal<BackendInfo | null>;
  /** The engine's files in use; null until they are loaded, and where there are none. */
  readonly engineBuild: ReadonlySignal<EngineBuild | null>;
  readonly manifest: ReadonlySignal<BundleManifest | null>;
  readonly loading: ReadonlySignal<{ readonly loaded: number; readonly total: number } | null>;
  readonly notKept: ReadonlySignal<ErrorCode | null>;
  readonly error: ReadonlySignal<AppError | null>;
  /** The tab ended while the model was loading the last time, so it is not loaded unasked. */
  readonly heldBack: ReadonlySignal<boolean>;
  /** Resolves when the model is there. */
  untilReady(): Promise<void>;
  /** Resolves when the engine may run here: this tab has the turn, and loading is not held back. */
  untilAllowed(): Promise<void>;
  /** Loads the model, unless loading it ended the tab the last time. Tells how the engine ended then. */
  begin(): LastEnd;
  /** Starts the worker and loads the model; again after an error. */
  start(): Promise<void>;
  /** Loads another model in place of the present one, as soon as this tab has the engine's turn. */
  use(bundle: string): Promise<void>;
  /** Ends the engine; `begin` starts another one. */
  end(): Promise<void>;
  /** Asks again what computes: another budget has other threads, and a lost device another backend. */
  refresh(): Promise<void>;
}

export function createEngineStatus(engine: LocalEngine, firstBundle: string, guard: CrashGuard): EngineStatus {
  const bundle = signal(firstBundle);
  const backend = signal<BackendInfo | null>(null);
  const engineBuild = signal<EngineBuild | null>(null);
  const manifest = signal<BundleManifest | null>(null);
  const loading = signal<{ readonly loaded: number; readonly total: number } | null>(null);
  const notKept = signal<ErrorCode | null>(null);
  const error = signal<AppError | null>(null);
  const heldBack = signal(false);
  const allowed = signal(false);
  const ready = computed(() => manifest.value !== null);
  let hasTurn = false;
  /** Only the last load may appear. */
  let latest = 0;

  engine.subscribeToLoading((event) => {
    if (event.bundle !== bundle.peek()) return;
    const { loadedBytes, totalBytes } = event;
    loading.value = loadedBytes < totalBytes ? { loaded: loadedBytes, total: totalBytes } : null;
  });

  async function start(): Promise<void> {
    latest += 1;
    const mine = latest;
    batch(() => {
      allowed.value = true;
      heldBack.value = false;
      error.value = null;
    });
    try {
      const [capabilities, model] = await Promise.all([engine.capabilities(), engine.loadModel(bundle.peek())]);
      if (mine !== latest) return;
      guard.loaded();
      batch(() => {
        backend.value = capabilities.backend;
        engineBuild.value = capabilities.engineBuild ?? null;
        manifest.value = model.manifest;
        notKept.value = model.notKept;
      });
    } catch (thrown) {
      if (mine === latest) error.value = toAppError(thrown);
    } finally {
      if (mine === latest) loading.value = null;
    }
  }

  return {
    bundle,
    backend,
    engineBuild,
    manifest,
    loading,
    notKept,
    error,
    heldBack,
    untilReady: () => untilTrue(ready),
    untilAllowed: () => untilTrue(allowed),
    begin() {
      hasTurn = true;
      const lastEnd = guard.begin();
      if (lastEnd !== 'clean') engine.verifyAllNext();
      if (lastEnd === 'while-loading') heldBack.value = true;
      else void start();
      return lastEnd;
    },
    start,
    async use(next) {
      if (next === bundle.peek() && manifest.peek() !== null) return;
      batch(() => {
        bundle.value = next;
        manifest.value = null;
        notKept.value = null;
        loading.value = null;
      });
      if (hasTurn) await start();
    },
    async end() {
      hasTurn = false;
      latest += 1;
      batch(() => {
        allowed.value = false;
        manifest.value = null;
        loading.value = null;
        error.value = null;
        heldBack.value = false;
      });
      await engine.close();
      guard.end();
    },
    async refresh() {
      const capabilities = await engine.capabilities().catch(() => null);
      if (capabilities === null) return;
      backend.value = capabilities.backend;
      engineBuild.value = capabilities.engineBuild ?? null;
    },
  };
}

function untilTrue(flag: ReadonlySignal<boolean>): Promise<void> {
  if (flag.peek()) return Promise.resolve();
  return new Promise((resolve) => {
    const end = effect(() => {
      if (!flag.value) return;
      resolve();
      queueMicrotask(() => end());
    });
  });
}
