import { batch, computed, effect, signal, type ReadonlySignal, type Signal } from '@preact/signals';
import { isAppError, type AppError } from '../domain/errors.ts';
import type { PixelImage } from '../domain/image.ts';
import type { KeptRequest } from '../domain/kept-tasks.ts';
import { normaliseRequest, type FieldProblem } from '../domain/normalise-request.ts';
import type { Engine } from '../domain/ports.ts';
import type { ModelLimits } from '../domain/request-fields.ts';
import type { Adjustment } from '../domain/request.ts';
import { randomSeed } from '../domain/seeds.ts';
import type { TaskQueue, TaskSnapshot } from '../domain/task-queue.ts';
import type { GeneratedImage, GenerationTask, TaskState } from '../domain/task.ts';
import type { FormModel } from './form.ts';
import type { ReferenceModel } from './reference.ts';

export interface ResultPicture {
  readonly index: number;
  readonly seed: number;
  readonly likeness: number | null;
  /** Object URL of the file. */
  readonly url: string;
  readonly fileName: string;
}

/** The pictures of one task: one scene with its seeds. */
export interface Series {
  readonly id: string;
  readonly request: KeptRequest;
  readonly state: ReadonlySignal<TaskState>;
  readonly pictures: ReadonlySignal<readonly ResultPicture[]>;
  /** The picture being drawn, as far as it can be seen; a few pixels wide. */
  readonly preview: ReadonlySignal<{ readonly image: number; readonly pixels: PixelImage } | null>;
  readonly adjustments: ReadonlySignal<readonly Adjustment[]>;
  readonly runtimeMs: ReadonlySignal<number | null>;
}

export interface SeriesModel {
  /** Newest wish first, its scenes in the order written. */
  readonly list: ReadonlySignal<readonly Series[]>;
  readonly running: ReadonlySignal<Series | null>;
  readonly busy: ReadonlySignal<boolean>;
  /** Why something is in this page only; see TaskEvent. */
  readonly keeping: ReadonlySignal<AppError | null>;
  /** One task per prompt line. False when the entries are not right; they are then marked in the form. */
  generate(): boolean;
  /** Tries what has failed again; with the present face where the one it was begun with is gone. */
  repeat(id: string): Promise<void>;
  /** Makes a waiting series the next one. */
  drawNext(id: string): Promise<void>;
  cancel(id: string): Promise<void>;
  cancelAll(): Promise<void>;
  /** Deletes a finished series with its pictures. */
  remove(id: string): void;
  clear(): void;
}

interface SeriesState extends Series {
  readonly createdAt: number;
  readonly scene: number;
  readonly state: Signal<TaskState>;
  readonly pictures: Signal<readonly ResultPicture[]>;
  readonly preview: Signal<{ readonly image: number; readonly pixels: PixelImage } | null>;
  readonly adjustments: Signal<readonly Adjustment[]>;
  readonly runtimeMs: Signal<number | null>;
}

export interface SeriesParts {
  readonly engine: Engine;
  readonly queue: TaskQueue;
  readonly form: FormModel;
  readonly reference: ReferenceModel;
  /** Null until the model is known. */
  readonly model: () => ModelLimits | null;
}

export function createSeries({ engine, queue, form, reference, model }: SeriesParts): SeriesModel {
  const list = signal<readonly SeriesState[]>([]);
  const running = computed(() => list.value.find((series) => series.state.value.status === 'running') ?? null);
  const keeping = signal<AppError | null>(null);
  const busy = computed(() => list.value.some((series) => isPending(series.state.value)));

  effect(() => {
    if (reference.ready.value) form.clearProblem('image');
  });

  const find = (id: string): SeriesState | undefined => list.peek().find((series) => series.id === id);

  engine.subscribe((event) => {
    if (event.type !== 'preview') return;
    const series = find(event.taskId);
    if (series === undefined || !isPending(series.state.peek())) return;
    series.preview.value = { image: event.image, pixels: event.preview };
  });
  queue.subscribe((event) => {
    if (event.type === 'added') list.value = [...list.peek(), makeSeries(event.task)].sort(newestFirst);
    if (event.type === 'keeping') keeping.value = event.error;
    const series = 'taskId' in event ? find(event.taskId) : undefined;
    if (series === undefined) return;
    if (event.type === 'state') enter(series, event.state);
    if (event.type === 'image') keepPicture(series, event.result);
    if (event.type === 'removed') {
      for (const picture of series.pictures.peek()) URL.revokeObjectURL(picture.url);
      list.value = list.peek().filter((other) => other !== series);
    }
  });

  return {
    list,
    running,
    busy,
    keeping,
    generate() {
      const prompts = form.prompts();
      const limits = model();
      const { image, ...face } = reference.wish();
      const problems: FieldProblem[] = [];
      if (!reference.ready.peek()) problems.push({ field: 'image', expected: 'a picture with a face' });
      const tasks: GenerationTask[] = [];
      // Every scene starts from the same seed, so that one entry changes nothing but what it says.
      const seed = randomSeed();
      for (const prompt of prompts.length === 0 ? [''] : prompts) {
        if (limits === null) continue;
        try {
          const input = { ...form.input(prompt), ...face, image: image ?? PLACEHOLDER_IMAGE };
          tasks.push({ taskId: crypto.randomUUID(), ...normaliseRequest(input, limits, () => seed) });
        } catch (error) {
          if (!isAppError(error, 'invalid-request')) throw error;
          problems.push(...(error.details.problems as readonly FieldProblem[]));
        }
      }
      form.showProblems(problems);
      if (problems.length > 0 || limits === null) return false;
      batch(() => void queue.add(tasks));
      return true;
    },
    async repeat(id) {
      if (await queue.retry(id)) return;
      const { image } = reference.wish();
      if (image === undefined) form.showProblems([{ field: 'image', expected: 'a picture with a face' }]);
      else await queue.retry(id, { image, referenceImages: [] });
    },
    drawNext: (id) => queue.move(id, 0),
    cancel: (id) => queue.cancel(id),
    cancelAll: () => queue.cancelAll(),
    remove: (id) => void queue.remove(id),
    clear() {
      for (const { id } of list.peek()) void queue.remove(id);
    },
  };
}

/** Stands in while no picture is chosen, so that all other fields are checked too. */
const PLACEHOLDER_IMAGE = { kind: 'blob', blob: new Blob() } as const;

function makeSeries(task: TaskSnapshot): SeriesState {
  const series: SeriesState = {
    id: task.taskId,
    request: task.request,
    createdAt: task.createdAt,
    scene: task.scene,
    state: signal(task.state),
    pictures: signal<readonly ResultPicture[]>([]),
    preview: signal<{ readonly image: number; readonly pixels: PixelImage } | null>(null),
    adjustments: signal(task.adjustments),
    runtimeMs: signal<number | null>(null),
  };
  for (const image of task.images) keepPicture(series, image);
  enter(series, task.state);
  return series;
}

function newestFirst(a: SeriesState, b: SeriesState): number {
  return b.createdAt - a.createdAt || a.scene - b.scene;
}

function enter(series: SeriesState, state: TaskState): void {
  batch(() => {
    series.state.value = state;
    if (isPending(state)) return;
    series.preview.value = null;
    if (state.status !== 'done') return;
    for (const result of state.outcome.images) keepPicture(series, result);
    series.adjustments.value = state.outcome.adjustments;
    series.runtimeMs.value = state.outcome.runtimeMs;
  });
}

/** Pictures come one by one while the task runs, and all together at its end. */
function keepPicture(series: SeriesState, result: GeneratedImage<Blob>): void {
  const present = series.pictures.peek();
  if (present.some((picture) => picture.index === result.index)) return;
  const picture: ResultPicture = {
    index: result.index,
    seed: result.seed,
    likeness: result.likeness,
    url: URL.createObjectURL(result.image),
    fileName: fileName(series.request, result.seed),
  };
  series.pictures.value = [...present, picture].sort((a, b) => a.index - b.index);
  if (series.preview.peek()?.image === result.index) series.preview.value = null;
}

/** e.g. `likeness-woman-in-a-red-hat-1234.png` */
function fileName(request: KeptRequest, seed: number): string {
  const words = request.prompt
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, '-')
    .slice(0, 40)
    .replace(/^-|-$/g, '');
  return `likeness-${words}-${seed}.${request.outputFormat === 'jpeg' ? 'jpg' : request.outputFormat}`;
}

function isPending(state: TaskState): boolean {
  return state.status === 'queued' || state.status === 'running';
}

/** The error of a failed series. */
export function failureOf(state: TaskState): AppError | null {
  return state.status === 'failed' ? state.error : null;
}
