import { computed, type ReadonlySignal } from '@preact/signals';
import { modelLimits } from '../bundle/model-limits.ts';
import type { ModelLimits } from '../domain/request-fields.ts';
import type { Adjustment } from '../domain/request.ts';
import { LocalEngine } from '../engine/local-engine.ts';
import type { LockWatch, WorkerLike } from '../engine/worker-client.ts';
import { en } from '../i18n/en.ts';
import { createTaskQueue } from '../jobs/task-queue.ts';
import { createActions, type Actions } from './actions.ts';
import type { AppShell } from './app-shell.ts';
import { createUpdate, type BusySign, type UpdateModel } from './app-update.ts';
import { createEngineStatus, type EngineStatus } from './engine-status.ts';
import { createInstall, type Installer, type InstallModel } from './install.ts';
import { isModelKept } from './kept-model.ts';
import { createOfflineStatus, type OfflineStatus } from './offline-status.ts';
import { createForm, type FormModel, type FormStorage } from './form.ts';
import { readPageOptions } from './page-options.ts';
import { createPromptCheck } from './prompt-check.ts';
import { createReference, type ReferenceModel } from './reference.ts';
import { createSamples, type SamplesModel } from './samples.ts';
import { createSeries, type SeriesModel } from './series.ts';

/** The page's view-models, put together. */
export interface App {
  readonly messages: typeof en;
  readonly status: EngineStatus;
  /** Null until the model is there. */
  readonly model: ReadonlySignal<ModelLimits | null>;
  readonly samples: SamplesModel;
  readonly reference: ReferenceModel;
  /** What the model will make of the prompt as it is typed. */
  readonly promptRemarks: ReadonlySignal<readonly Adjustment[]>;
  readonly form: FormModel;
  readonly series: SeriesModel;
  readonly actions: Actions;
  readonly offline: OfflineStatus;
  readonly update: UpdateModel;
  readonly install: InstallModel;
  start(): void;
}

export interface AppSurroundings {
  readonly spawnWorker: () => WorkerLike;
  readonly lockWatch: LockWatch;
  /** Address of the page, with its query. */
  readonly pageUrl: string;
  readonly storage: FormStorage | null;
  readonly shell: AppShell;
  readonly busySign: BusySign;
  readonly installer: Installer;
  readonly reload: () => void;
}

export function createApp(surroundings: AppSurroundings): App {
  const { spawnWorker, lockWatch, pageUrl, storage, shell } = surroundings;
  const modelsUrl = new URL('models/', pageUrl).href;
  const { bundle, backend } = readPageOptions(new URL(pageUrl).search);
  const engine = new LocalEngine({
    spawn: spawnWorker,
    lockWatch,
    setup: { modelsUrl, inferenceType: 'a100', backend },
  });
  const status = createEngineStatus(engine, bundle);
  const samples = createSamples(pageUrl);
  const form = createForm(storage);
  const reference = createReference((source) => engine.openPicture(bundle, source));
  const model = computed(() => (status.manifest.value === null ? null : modelLimits(status.manifest.value)));
  const queue = createTaskQueue(engine);
  queue.subscribe((_taskId, state) => {
    if (state.status === 'done') void status.refresh();
  });
  const series = createSeries({ engine, queue, form, reference, model: () => model.peek() });
  const modelReady = computed(() => model.value !== null);
  const promptRemarks = createPromptCheck(form.values.prompt, modelReady, (text) => engine.checkPrompt(bundle, text));
  const actions = createActions({ reference, series, messages: en, modelReady });
  const offline = createOfflineStatus({
    shell,
    status,
    description: new URL(`${bundle}/bundle.json`, modelsUrl).href,
    isModelKept,
  });
  const { busySign: sign, reload } = surroundings;
  const update = createUpdate({ shell, busy: series.busy, sign, reload });
  return {
    messages: en,
    status,
    model,
    samples,
    reference,
    promptRemarks,
    form,
    series,
    actions,
    offline,
    update,
    install: createInstall(surroundings.installer),
    start() {
      void status.start();
      void samples.load();
      void offline.start();
    },
  };
}
