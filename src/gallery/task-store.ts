/** Pending tasks in IndexedDB. The person's pictures lie here and nowhere else, and only as long as a task needs them. */
import type { PendingTask, TaskLine, TaskStore } from '../domain/kept-tasks.ts';
import type { ImageSource } from '../domain/request.ts';
import type { GenerationTask } from '../domain/task.ts';
import { openKeyValueStore, type KeyValueStore } from '../storage/key-value-store.ts';
import { recordForm, type RecordForm } from '../storage/record-form.ts';
import { fileOf, recordOf } from './kept-file.ts';
import { isRequest } from './kept-request.ts';
import { isFromLater, RECORD_VERSION } from './record-version.ts';

const TASK = 'task/';
const LINE = 'line';
const EMPTY_LINE: TaskLine = { order: [], running: null, crashes: 0 };

export function indexedDbTaskStore(
  form: RecordForm = recordForm(),
  store: KeyValueStore<unknown> = openKeyValueStore<unknown>('likeness-queue'),
): TaskStore {
  return {
    async all() {
      const tasks: PendingTask[] = [];
      const damaged: string[] = [];
      for (const key of (await store.keys()).filter((name) => name.startsWith(TASK))) {
        const record = await store.get(key);
        if (isFromLater(record)) continue;
        const task = read(record);
        if (task !== null) tasks.push(task);
        else {
          damaged.push(key.slice(TASK.length));
          await store.delete(key);
        }
      }
      return { tasks, damaged };
    },
    async put({ task, createdAt, scene }) {
      const { taskId, request, adjustments } = task;
      const write = async (source: ImageSource): Promise<unknown> =>
        source.kind === 'url' ? source : { kind: 'blob', file: await recordOf(source.blob, form) };
      const kept = {
        ...request,
        image: await write(request.image),
        referenceImages: await Promise.all(request.referenceImages.map(write)),
      };
      await store.set(TASK + taskId, {
        version: RECORD_VERSION,
        taskId,
        request: kept,
        adjustments,
        createdAt,
        scene,
      });
    },
    delete: (taskId) => store.delete(TASK + taskId),
    async line() {
      const record = (await store.get(LINE)) as (Partial<TaskLine> & { readonly version?: unknown }) | undefined;
      if (record?.version !== RECORD_VERSION || !Array.isArray(record.order)) return EMPTY_LINE;
      const { order, running = null, crashes = 0 } = record;
      return { order, running, crashes };
    },
    putLine: ({ order, running, crashes }) => store.set(LINE, { version: RECORD_VERSION, order, running, crashes }),
  };
}

/** Null for what is no task any more. */
function read(record: unknown): PendingTask | null {
  if (typeof record !== 'object' || record === null) return null;
  const { version, taskId, request, adjustments, createdAt, scene } = record as Readonly<Record<string, unknown>>;
  if (version !== RECORD_VERSION || typeof taskId !== 'string' || !Array.isArray(adjustments)) return null;
  if (typeof createdAt !== 'number' || typeof scene !== 'number') return null;
  if (typeof request !== 'object' || request === null) return null;
  const { image, referenceImages } = request as Readonly<Record<string, unknown>>;
  if (!Array.isArray(referenceImages)) return null;
  const opened = { ...request, image: readSource(image), referenceImages: referenceImages.map(readSource) };
  if (!isRequest(opened)) return null;
  const task: GenerationTask = { taskId, request: opened, adjustments: adjustments as GenerationTask['adjustments'] };
  return { task, createdAt, scene };
}

function readSource(source: unknown): unknown {
  const { kind, file } = (source ?? {}) as { readonly kind?: unknown; readonly file?: unknown };
  return kind === 'blob' ? { kind: 'blob', blob: fileOf(file) } : source;
}
