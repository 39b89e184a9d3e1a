/** Finished images in IndexedDB with the tasks that they belong to, until the person deletes them. No embedding is kept. */
import { withoutPictures, type FinishedTask, type ResultStore, type TaskEnd } from '../domain/kept-tasks.ts';
import { MAX_BATCH } from '../domain/request-fields.ts';
import type { GeneratedImage } from '../domain/task.ts';
import { openKeyValueStore, type KeyValueStore } from '../storage/key-value-store.ts';
import { recordForm, type RecordForm } from '../storage/record-form.ts';
import { fileOf, isReadable, recordOf } from './kept-file.ts';
import { isKeptRequest } from './kept-request.ts';
import { isFromLater, RECORD_VERSION } from './record-version.ts';

const TASK = 'task/';
const imageKey = (taskId: string, index: number): string => `image/${taskId}/${index}`;
const imageKeys = (taskId: string): readonly string[] =>
  Array.from({ length: MAX_BATCH }, (_, index) => imageKey(taskId, index));

export function indexedDbResultStore(
  form: RecordForm = recordForm(),
  store: KeyValueStore<unknown> = openKeyValueStore<unknown>('likeness-results'),
): ResultStore {
  return {
    async all() {
      const tasks: FinishedTask[] = [];
      const damaged: string[] = [];
      for (const key of (await store.keys()).filter((name) => name.startsWith(TASK))) {
        const record = await store.get(key);
        if (isFromLater(record)) continue;
        if (isFinished(record)) tasks.push(record);
        else {
          damaged.push(key.slice(TASK.length));
          await store.delete(key);
        }
      }
      return { tasks, damaged };
    },
    async images(taskId) {
      const images = new Map<number, GeneratedImage<Blob>>();
      for (const key of imageKeys(taskId)) {
        const image = await readImage(await store.get(key));
        if (image !== null) images.set(image.index, image);
      }
      return images;
    },
    async putImage(taskId, { index, seed, likeness, image }) {
      const file = await recordOf(image, form);
      await store.set(imageKey(taskId, index), { version: RECORD_VERSION, index, seed, likeness, file });
    },
    finish: (task) =>
      store.set(TASK + task.taskId, { version: RECORD_VERSION, ...task, request: withoutPictures(task.request) }),
    reopen: (taskId) => store.delete(TASK + taskId),
    async delete(taskId) {
      for (const key of imageKeys(taskId)) await store.delete(key);
      await store.delete(TASK + taskId);
    },
  };
}

const ENDS: readonly TaskEnd['status'][] = ['done', 'failed', 'cancelled'];

function isFinished(record: unknown): record is FinishedTask {
  if (typeof record !== 'object' || record === null) return false;
  const { version, taskId, request, adjustments, createdAt, scene, finishedAt, end } = record as Readonly<
    Record<string, unknown>
  >;
  if (version !== RECORD_VERSION || typeof taskId !== 'string' || !Array.isArray(adjustments)) return false;
  if (![createdAt, scene, finishedAt].every((value) => typeof value === 'number')) return false;
  const status = (end as { readonly status?: unknown } | null | undefined)?.status;
  return ENDS.some((known) => known === status) && isKeptRequest(request);
}

async function readImage(record: unknown): Promise<GeneratedImage<Blob> | null> {
  const { version, index, seed, likeness, file } = (record ?? {}) as Readonly<Record<string, unknown>>;
  if (version !== RECORD_VERSION || typeof index !== 'number' || typeof seed !== 'number') return null;
  if (likeness !== null && typeof likeness !== 'number') return null;
  const image = fileOf(file);
  return image !== null && (await isReadable(image)) ? { index, seed, likeness, image } : null;
}
