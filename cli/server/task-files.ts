/**
 * Tasks on disk, one folder each: `task.json` (no reference pictures in it), `pictures.json` (they; only until the task
 * has ended), and the finished pictures as `<index>`.
 */
import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Idempotency } from '../../src/api/task-desk.ts';
import { pictureInWords } from '../../src/api/wire-request.ts';
import type { ErrorCode } from '../../src/domain/errors.ts';
import type { Adjustment, GenerationRequest, ImageSource } from '../../src/domain/request.ts';
import type { GenerationOutcome } from '../../src/domain/task.ts';
import { writeWhole } from './data-folder.ts';

const FORMAT = 1;

export interface StoredError {
  readonly code: ErrorCode;
  readonly message: string;
  readonly details: Readonly<Record<string, unknown>>;
}

export type StoredState =
  | { readonly status: 'waiting' }
  | { readonly status: 'done'; readonly outcome: GenerationOutcome<null> }
  | { readonly status: 'failed'; readonly error: StoredError }
  | { readonly status: 'cancelled' };

export interface StoredTask {
  readonly format: typeof FORMAT;
  readonly taskId: string;
  /** Place in the order of all tasks ever taken. */
  readonly order: number;
  /** With pictures in words: what was sent along lies in `pictures.json`. */
  readonly request: GenerationRequest;
  readonly adjustments: readonly Adjustment[];
  readonly idempotency: Idempotency | null;
  /** How often its computing began and was not ended in an orderly way. */
  readonly begun: number;
  /** Date.now(); null while it waits. */
  readonly endedAt: number | null;
  readonly state: StoredState;
}

interface Pictures {
  readonly image: ImageSource;
  readonly referenceImages: readonly ImageSource[];
}

const inWords = (source: ImageSource): ImageSource => ({ kind: 'url', url: pictureInWords(source) });

/** A request without the pictures that came along with it. */
export function withoutPictures(request: GenerationRequest): GenerationRequest {
  return { ...request, image: inWords(request.image), referenceImages: request.referenceImages.map(inWords) };
}

export class TaskFiles {
  readonly #folder: string;

  constructor(dataFolder: string) {
    this.#folder = join(dataFolder, 'tasks');
  }

  /** All tasks in order. What cannot be read is left alone and told. */
  async all(onDamaged: (folder: string) => void): Promise<StoredTask[]> {
    const names = await readdir(this.#folder).catch(() => []);
    const tasks: StoredTask[] = [];
    for (const name of names) {
      try {
        const task = JSON.parse(await readFile(this.#path(name, 'task.json'), 'utf8')) as StoredTask;
        const format: number = task.format;
        if (format !== FORMAT || task.taskId !== name) throw new Error('another format');
        tasks.push(task);
      } catch {
        onDamaged(join(this.#folder, name));
      }
    }
    return tasks.sort((a, b) => a.order - b.order);
  }

  /** Keeps a new task; it is on disk when this resolves. */
  async add(task: StoredTask, request: GenerationRequest): Promise<void> {
    const { image, referenceImages } = request;
    await writeWhole(this.#path(task.taskId, 'pictures.json'), JSON.stringify({ image, referenceImages }));
    await this.write(task);
  }

  async write(task: StoredTask): Promise<void> {
    await writeWhole(this.#path(task.taskId, 'task.json'), JSON.stringify(task));
    if (task.endedAt !== null) await rm(this.#path(task.taskId, 'pictures.json'), { force: true });
  }

  /** The request as it came, to be computed. */
  async request(task: StoredTask): Promise<GenerationRequest> {
    const pictures = JSON.parse(await readFile(this.#path(task.taskId, 'pictures.json'), 'utf8')) as Pictures;
    return { ...task.request, ...pictures };
  }

  async writeImage(taskId: string, index: number, image: Blob): Promise<void> {
    await writeWhole(this.#path(taskId, String(index)), new Uint8Array(await image.arrayBuffer()));
  }

  async readImage(taskId: string, index: number): Promise<Uint8Array<ArrayBuffer> | undefined> {
    const bytes = await readFile(this.#path(taskId, String(index))).catch(() => undefined);
    return bytes && Uint8Array.from(bytes);
  }

  async delete(taskId: string): Promise<void> {
    await rm(join(this.#folder, taskId), { recursive: true, force: true });
  }

  #path(taskId: string, file: string): string {
    return join(this.#folder, taskId, file);
  }
}
