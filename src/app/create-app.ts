import { computed, effect, type ReadonlySignal } from '@preact/signals';
import { createLikeness, type Likeness } from '../api/sdk.ts';
import { modelLimits } from '../bundle/model-limits.ts';
import type { ModelLimits } from '../domain/request-fields.ts';
import type { Adjustment } from '../domain/request.ts';
import { LocalEngine } from '../engine/local-engine.ts';
import type { LockWatch, WorkerLike } from '../engine/worker-client.ts';
import { ModelClient } from '../engine/model-client.ts';
import { en } from '../i18n/en.ts';
import type { ResultStore, TaskStore } from '../domain/kept-tasks.ts';
import type { TaskChannel } from '../jobs/task-channel.ts';
import { SharedTaskQueue } from '../jobs/task-queue.ts';
import type { ModelChannel } from '../model-store/model-channel.ts';
import type { Locks } from '../storage/web-locks.ts';
import { createActions, type Actions } from './actions.ts';
import type { AppShell } from './app-shell.ts';
import { createUpdate, type BusySign, type UpdateModel } from './app-update.ts';
import { createCrashGuard } from './crash-guard.ts';
import { createEngineStatus, type EngineStatus } from './engine-status.ts';
import { createEngineTurn, type EngineTurn, type TabChannel } from './engine-turn.ts';
import { createInstall, type Installer, type InstallModel } from './install.ts';
import { isModelKept } from './kept-model.ts';
import { createOfflineStatus, type OfflineStatus } from './offline-status.ts';
import { createForm, type FormModel, type FormStorage } from './form.ts';
import { createModels, type ModelsModel } from './models.ts';
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
  readonly turn: EngineTurn;
  readonly models: ModelsModel;
  /** For scripts of the page. */
  readonly likeness: Likeness;
  /** Puts another installed model in place of the present one. */
  useModel(id: string): Promise<void>;
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
  /** Outlives the tab. */
  readonly lasting: Storage | null;
  readonly spawnModelWorker: () => WorkerLike;
  readonly locks: Locks;
  readonly tabs: TabChannel;
  readonly modelChannel: ModelChannel;
  readonly tasks: TaskStore;
  readonly results: ResultStore;
  readonly taskChannel: TaskChannel;
  readonly persist: (() => Promise<boolean>) | null;
  readonly deviceMemoryBytes: number | null;
  /** Calls back when the page is left in order. */
  readonly onLeave: (leave: () => void) => void;
  /** Makes a reload open the same model. */
  readonly rememberBundle: (bundle: string) => void;
}

export function createApp(surroundings: AppSurroundings): App {
  const { spawnWorker, lockWatch, pageUrl, storage, shell } = surroundings;
  const modelsUrl = new URL('models/', pageUrl).href;
  const { bundle: firstBundle, backend } = readPageOptions(new URL(pageUrl).search);
  const engine = new LocalEngine({
    spawn: spawnWorker,
    lockWatch,
    setup: { modelsUrl, inferenceType: 'a100', backend },
  });
  const guard = createCrashGuard(surroundings.lasting);
  const turn = createEngineTurn(surroundings.locks, surroundings.tabs);
  const status = createEngineStatus(engine, firstBundle, guard);
  const models = createModels({
    client: new ModelClient({
      spawn: surroundings.spawnModelWorker,
      lockWatch,
      catalogueUrl: new URL('catalog.json', modelsUrl).href,
    }),
    channel: surroundings.modelChannel,
    isLoadingHere: (id) => status.loading.peek() !== null && status.bundle.peek() === id,
    persist: surroundings.persist,
    deviceMemoryBytes: surroundings.deviceMemoryBytes,
  });
  const samples = createSamples(pageUrl);
  const form = createForm(storage);
  const reference = createReference(async (source) => {
    await status.untilAllowed();
    return engine.openPicture(status.bundle.peek(), source);
  });
  const model = computed(() => (status.manifest.value === null ? null : modelLimits(status.manifest.value)));
  const { tasks, results, taskChannel } = surroundings;
  const queue = new SharedTaskQueue({ engine, tasks, results, channel: taskChannel });
  queue.subscribe((event) => {
    if (event.type !== 'state' || event.state.status !== 'done' || turn.state.peek() !== 'here') return;
    void status.refresh();
    // After the first success the browser is asked to keep what made it; some ask the person, so not before.
    if (models.persisted.peek() === null) void models.keep();
  });
  const series = createSeries({ engine, queue, form, reference, model: () => model.peek() });
  const likeness = createLikeness({
    tasks: queue,
    models: {
      known: () => {
        const installed = models.list.peek()?.filter(({ state }) => state === 'installed') ?? [];
        const usual = status.bundle.peek();
        return { ids: [...new Set([usual, ...installed.map(({ id }) => id)])], usual };
      },
      limits: async (id) => {
        await status.untilReady();
        const present = model.peek();
        return present?.id === id ? present : modelLimits((await engine.loadModel(id)).manifest);
      },
    },
  });
  const modelReady = computed(() => model.value !== null);
  const promptRemarks = createPromptCheck(form.values.prompt, modelReady, (text) =>
    engine.checkPrompt(status.bundle.peek(), text),
  );
  const actions = createActions({ reference, series, messages: en, modelReady });
  const offline = createOfflineStatus({
    shell,
    status,
    description: () => new URL(`${status.bundle.peek()}/bundle.json`, modelsUrl).href,
    isModelKept,
  });
  const { busySign: sign, reload } = surroundings;
  const draws = computed(() => turn.state.value === 'here' && series.busy.value);
  const update = createUpdate({ shell, busy: draws, sign, reload });
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
    turn,
    models,
    likeness,
    async useModel(id) {
      surroundings.rememberBundle(id);
      await status.use(id);
      // Another model finds faces in its own way.
      const picture = reference.picture.peek();
      if (picture !== null && status.manifest.peek() !== null) {
        await reference.open({ kind: 'blob', blob: picture.file });
      }
    },
    start() {
      turn.start(
        () => {
          const afterCrash = status.begin() !== 'clean';
          void queue.begin({ afterCrash, ready: () => status.untilReady() });
        },
        () => queue.end(() => status.end()),
      );
      const unwatch = effect(() => {
        if (turn.state.value === 'asking') return;
        if (turn.state.value === 'elsewhere') void queue.watch();
        queueMicrotask(() => unwatch());
      });
      surroundings.onLeave(() => {
        if (turn.state.peek() === 'here') guard.end();
      });
      void samples.load();
      void offline.start();
    },
  };
}
