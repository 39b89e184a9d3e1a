/** The API for scripts of the page: the same requests as over HTTP, answered by the page's own queue. */
import { AppError } from '../domain/errors.ts';
import { normaliseRequest, resolveAppId } from '../domain/normalise-request.ts';
import type { ModelLimits } from '../domain/request-fields.ts';
import { randomSeed } from '../domain/seeds.ts';
import type { TaskEvent, TaskQueue, TaskSnapshot } from '../domain/task-queue.ts';
import type { GeneratedImage, GenerationTask } from '../domain/task.ts';
import { lastingPicture } from './sdk-pictures.ts';
import type {
  GenerateOptions,
  Likeness,
  LikenessEvent,
  LikenessImage,
  LikenessRequest,
  LikenessTask,
  PendingTask,
  SucceededTask,
} from './sdk-types.ts';
import { fromWire } from './wire-request.ts';

export type * from './sdk-types.ts';

export interface LikenessParts {
  readonly tasks: TaskQueue;
  readonly models: {
    /** Ids that a request may name, and the one of a request that names none. */
    readonly known: () => { readonly ids: readonly string[]; readonly usual: string };
    /** Resolves when the model is there. */
    readonly limits: (appId: string) => Promise<ModelLimits>;
  };
}

export function createLikeness({ tasks, models }: LikenessParts): Likeness {
  const images = new ImageDesk();
  tasks.subscribe((event) => {
    if (event.type === 'removed') images.forget(event.taskId);
  });

  const report = (taskId: string): LikenessTask | null => {
    const task = tasks.get(taskId);
    return task === null ? null : toTask(task, images);
  };

  function toEvent(event: TaskEvent): LikenessEvent | null {
    if (event.type === 'keeping') return null;
    if (event.type === 'removed') return { type: 'deleted', taskId: event.taskId };
    const taskId = event.type === 'added' ? event.task.taskId : event.taskId;
    if (event.type === 'image') return { type: 'image', taskId, image: images.of(taskId, event.result) };
    const task = report(taskId);
    return task === null ? null : { type: 'task', taskId, task };
  }

  function subscribe(listener: (event: LikenessEvent) => void): () => void {
    return tasks.subscribe((event) => {
      const told = toEvent(event);
      if (told !== null) listener(told);
    });
  }

  async function makeTask(request: LikenessRequest): Promise<GenerationTask> {
    const { appId: asked, ...input } = fromWire({ ...request });
    const { ids, usual } = models.known();
    const limits = await models.limits(resolveAppId(asked, ids, usual));
    const image = await lastingPicture(input.image);
    const more = input.referenceImages;
    const referenceImages = Array.isArray(more) ? await Promise.all(more.map(lastingPicture)) : more;
    const wish = { ...input, image, ...(referenceImages === undefined ? {} : { referenceImages }) };
    return { taskId: crypto.randomUUID(), ...normaliseRequest(wish, limits, randomSeed) };
  }

  /** Resolves when the task has succeeded. */
  function untilEnded(taskId: string, { signal, onEvent }: GenerateOptions): Promise<SucceededTask> {
    return new Promise((resolve, reject) => {
      const abort = (): void => {
        end();
        void tasks.cancel(taskId);
        reject(signal!.reason as Error);
      };
      const unsubscribe = subscribe((event) => {
        if (event.taskId !== taskId) return;
        onEvent?.(event);
        if (event.type === 'deleted') {
          end();
          reject(new AppError('cancelled', 'The task was deleted.'));
        }
        if (event.type !== 'task' || event.task.status === 'PENDING') return;
        end();
        if (event.task.status === 'SUCCESS') resolve(event.task);
        else reject(event.task.error);
      });
      const end = (): void => {
        unsubscribe();
        signal?.removeEventListener('abort', abort);
      };
      signal?.addEventListener('abort', abort);
    });
  }

  async function getImageToImage(
    request: LikenessRequest,
    options: GenerateOptions = {},
  ): Promise<PendingTask | SucceededTask> {
    options.signal?.throwIfAborted();
    const task = await makeTask(request);
    options.signal?.throwIfAborted();
    const { taskId } = task;
    const ended = untilEnded(taskId, options);
    if (!task.request.celery) {
      void tasks.add([task]);
      return ended;
    }
    ended.catch(() => undefined); // told by getTask and events
    await tasks.add([task]);
    return pending(taskId, tasks.get(taskId), images);
  }

  return {
    getImageToImage: getImageToImage as Likeness['getImageToImage'],
    getTask: async (taskId) => {
      await tasks.loaded();
      return report(taskId);
    },
    cancelTask: async (taskId) => {
      await tasks.loaded();
      await tasks.cancel(taskId);
    },
    deleteTask: async (taskId) => {
      await tasks.loaded();
      await tasks.remove(taskId);
    },
    subscribe,
  };
}

function toTask(task: TaskSnapshot, desk: ImageDesk): LikenessTask {
  const { taskId, adjustments, state } = task;
  const base = { taskId, adjustments, images: task.images.map((image) => desk.of(taskId, image)) };
  switch (state.status) {
    case 'done': {
      const { timings, startupMs, runtimeMs } = state.outcome;
      return { ...base, status: 'SUCCESS', timings, startupMs, runtimeMs };
    }
    case 'failed':
      return { ...base, status: 'FAILED', error: state.error };
    case 'cancelled':
      return { ...base, status: 'FAILED', error: new AppError('cancelled', 'The task was cancelled.') };
    default:
      return pending(taskId, task, desk);
  }
}

/** The task as it was when it was queued, even if it has ended meanwhile. */
function pending(taskId: string, task: TaskSnapshot | null, desk: ImageDesk): PendingTask {
  const state = task?.state;
  const progress = state?.status === 'running' ? state.progress : null;
  return {
    status: 'PENDING',
    taskId,
    adjustments: task?.adjustments ?? [],
    images: task?.images.map((image) => desk.of(taskId, image)) ?? [],
    queuePosition: state?.status === 'queued' ? state.position : null,
    progress,
    etaMs: state?.status === 'queued' ? (state.etaMs ?? null) : (progress?.etaMs ?? null),
  };
}

/** One object per picture, however often it is asked for, so that its URL can be revoked. */
class ImageDesk {
  readonly #images = new Map<string, Map<number, LikenessImage>>();

  of(taskId: string, { index, seed, likeness, image: blob }: GeneratedImage<Blob>): LikenessImage {
    const ofTask = this.#images.get(taskId) ?? new Map<number, LikenessImage>();
    this.#images.set(taskId, ofTask);
    const present = ofTask.get(index);
    if (present?.blob === blob) return present;
    present?.revoke();
    let url: string | null = null;
    const image: LikenessImage = {
      index,
      seed,
      likeness,
      blob,
      get url() {
        return (url ??= URL.createObjectURL(blob));
      },
      revoke() {
        if (url !== null) URL.revokeObjectURL(url);
        url = null;
      },
    };
    ofTask.set(index, image);
    return image;
  }

  forget(taskId: string): void {
    for (const image of this.#images.get(taskId)?.values() ?? []) image.revoke();
    this.#images.delete(taskId);
  }
}
