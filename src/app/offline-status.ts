import { effect, signal, type ReadonlySignal } from '@preact/signals';
import type { BundleManifest } from '../bundle/manifest.ts';
import type { AppShell, KeptFiles } from './app-shell.ts';
import type { EngineStatus } from './engine-status.ts';

/** `unknown` until it has been looked up; `never` where the browser does not keep it. */
export type Readiness = 'unknown' | 'ready' | 'missing' | 'never';

/** Three things must lie on this device before the app works without a network; each is looked up, none is assumed. */
export interface OfflineStatus {
  readonly app: ReadonlySignal<Readiness>;
  readonly engine: ReadonlySignal<Readiness>;
  readonly model: ReadonlySignal<Readiness>;
  /** Version of the app that is kept. */
  readonly version: ReadonlySignal<string | null>;
  start(): Promise<void>;
}

export interface OfflineParts {
  readonly shell: AppShell;
  readonly status: EngineStatus;
  /** Address of the `bundle.json` of the model in use. */
  readonly description: () => string;
  readonly isModelKept: (manifest: BundleManifest) => Promise<boolean>;
}

export function createOfflineStatus({ shell, status, description, isModelKept }: OfflineParts): OfflineStatus {
  const app = signal<Readiness>('unknown');
  const engine = signal<Readiness>('unknown');
  const model = signal<Readiness>('unknown');
  const version = signal<string | null>(null);

  const enter = (kept: KeptFiles | null): void => {
    app.value = kept?.app === true ? 'ready' : 'missing';
    version.value = kept?.version ?? null;
    if (status.engineBuild.peek() !== null) engine.value = kept?.engine === true ? 'ready' : 'missing';
  };

  effect(() => {
    const manifest = status.manifest.value;
    if (manifest === null) return;
    void isModelKept(manifest).then((kept) => (model.value = kept ? 'ready' : 'missing'));
  });

  return {
    app,
    engine,
    model,
    version,
    async start() {
      if (!(await shell.start())) {
        app.value = 'never';
        engine.value = 'never';
        return;
      }
      enter(await shell.kept(status.engineBuild.peek()));
      // The engine is kept once it has loaded here: only then is it known which one this browser uses.
      effect(() => {
        const build = status.engineBuild.value;
        if (build !== null && status.manifest.value !== null) void shell.keep(build, description()).then(enter);
      });
    },
  };
}
