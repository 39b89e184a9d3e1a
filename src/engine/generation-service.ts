import { isAppError } from '../domain/errors.ts';
import type { DetectedFace, PixelImage } from '../domain/image.ts';
import type { EngineCapabilities, EngineResult, ImageCodec } from '../domain/ports.ts';
import type { Adjustment, GenerationRequest, ImageSource } from '../domain/request.ts';
import type { GenerationEvent, GenerationOutcome, GenerationTask } from '../domain/task.ts';
import { ModelSlot } from './model-slot.ts';
import type { GenerationApi, LoadedModel, OpenedPicture, WorkerEvent, WorkerSetup } from './generation-api.ts';

/** What the pipeline is asked: a request with its pictures decoded. */
export interface GenerationInput {
  readonly request: GenerationRequest;
  readonly adjustments: readonly Adjustment[];
  /** Images of the batch to draw; absent = all. */
  readonly only: readonly number[] | undefined;
  readonly reference: PixelImage;
  readonly moreReferences: readonly PixelImage[];
  readonly emit: (event: GenerationEvent) => void;
  readonly signal: AbortSignal;
  readonly taskId: string;
}

/** A loaded model with what runs it. */
export interface Model {
  readonly about: LoadedModel;
  /** What would be made of a prompt; see Adjustment. */
  checkPrompt(text: string): readonly Adjustment[];
  findFaces(image: PixelImage): Promise<readonly DetectedFace[]>;
  generate(input: GenerationInput): Promise<GenerationOutcome>;
  /** Gives its memory back. */
  close(): Promise<void>;
}

/** What a worker is put together from; see workers/generation.worker.ts. */
export interface GenerationParts {
  readonly codec: ImageCodec;
  readonly readImage: (source: ImageSource, signal?: AbortSignal) => Promise<Blob>;
  readonly device: () => Promise<Omit<EngineCapabilities, 'bundles'>>;
  readonly load: (bundle: string, options: LoadOptions) => Promise<Model>;
}

export interface LoadOptions {
  readonly onProgress: (loadedBytes: number, totalBytes: number) => void;
  readonly signal: AbortSignal;
}

const BLANK: PixelImage = { width: 64, height: 64, data: new Uint8ClampedArray(64 * 64 * 4) };

/** The worker's side of GenerationApi, free of comlink and of worker globals: one task at a time, in order. */
export class GenerationService implements GenerationApi {
  readonly #assemble: (setup: WorkerSetup) => GenerationParts;
  readonly #lock: Promise<string | null>;
  #parts: GenerationParts | null = null;
  #listener: (event: WorkerEvent) => void = () => undefined;
  readonly #slot = new ModelSlot<Model>((bundle, signal) => this.#load(bundle, signal));
  readonly #tasks = new Map<string, AbortController>();
  #last: Promise<unknown> = Promise.resolve();

  constructor(assemble: (setup: WorkerSetup) => GenerationParts, lock: Promise<string | null>) {
    this.#assemble = assemble;
    this.#lock = lock;
  }

  async ready(setup: WorkerSetup): Promise<{ readonly lock: string | null }> {
    this.#parts = this.#assemble(setup);
    return { lock: await this.#lock };
  }

  ping(): Promise<void> {
    return Promise.resolve();
  }

  subscribe(listener: (event: WorkerEvent) => void): Promise<void> {
    this.#listener = listener;
    return Promise.resolve();
  }

  async capabilities(): Promise<EngineCapabilities> {
    return { ...(await this.#assembled().device()), bundles: this.#slot.id === null ? [] : [this.#slot.id] };
  }

  loadModel(bundle: string): Promise<LoadedModel> {
    return new Promise((resolve, reject) => {
      const load = this.#slot.use(bundle, async (model) => {
        resolve(model.about);
        // The engine's own wasm file arrives with the first run. Done now, unasked, so that the first face appears sooner
        // and the page goes on when the connection ends; a failure is told by the first run that is asked for.
        await model.findFaces(BLANK).catch(() => undefined);
      });
      load.catch(reject);
    });
  }

  async checkPrompt(bundle: string, text: string): Promise<readonly Adjustment[]> {
    return this.#slot.use(bundle, (model) => model.checkPrompt(text));
  }

  async openPicture(bundle: string, source: ImageSource): Promise<OpenedPicture> {
    const { codec, readImage } = this.#assembled();
    const file = await readImage(source);
    const image = await codec.decode(file);
    const faces = await this.#slot.use(bundle, (model) => model.findFaces(image));
    return { file, width: image.width, height: image.height, faces };
  }

  async generate(task: GenerationTask): Promise<EngineResult> {
    const controller = new AbortController();
    this.#tasks.set(task.taskId, controller);
    const before = this.#last;
    const run = before.then(() => this.#run(task, controller.signal));
    this.#last = run.catch(() => undefined);
    try {
      return await run;
    } catch (error) {
      if (isAppError(error, 'cancelled')) return { status: 'cancelled' };
      throw error;
    } finally {
      this.#tasks.delete(task.taskId);
    }
  }

  cancel(taskId: string): Promise<void> {
    this.#tasks.get(taskId)?.abort();
    return Promise.resolve();
  }

  async #run(task: GenerationTask, signal: AbortSignal): Promise<EngineResult> {
    if (signal.aborted) return { status: 'cancelled' };
    const begin = performance.now();
    return this.#slot.use(task.request.appId, (model) => this.#draw(model, task, signal, begin), signal);
  }

  async #draw(model: Model, task: GenerationTask, signal: AbortSignal, begin: number): Promise<EngineResult> {
    const { codec, readImage } = this.#assembled();
    const { request, taskId } = task;
    const startupMs = performance.now() - begin;
    const pictures: PixelImage[] = [];
    for (const source of [request.image, ...request.referenceImages]) {
      pictures.push(await codec.decode(await readImage(source, signal)));
    }
    const [reference, ...moreReferences] = pictures;
    const encoded = new Map<PixelImage, Promise<Blob>>();
    const encode = (image: PixelImage): Promise<Blob> => {
      const present = encoded.get(image) ?? codec.encode(image, request.outputFormat);
      encoded.set(image, present);
      return present;
    };
    const emit = (event: GenerationEvent): void => {
      if (event.type !== 'image') return this.#listener(event);
      void encode(event.result.image).then(
        (image) => this.#listener({ ...event, result: { ...event.result, image } }),
        () => undefined, // the same promise fails the task below
      );
    };
    const input = {
      request,
      adjustments: task.adjustments,
      only: task.only,
      reference: reference!,
      moreReferences,
      emit,
      signal,
      taskId,
    };
    const outcome = await model.generate(input);
    const images = await Promise.all(outcome.images.map(async (r) => ({ ...r, image: await encode(r.image) })));
    return { status: 'done', outcome: { ...outcome, images, startupMs } };
  }

  #load(bundle: string, signal: AbortSignal): Promise<Model> {
    return this.#assembled().load(bundle, {
      signal,
      onProgress: (loadedBytes, totalBytes) => this.#listener({ type: 'load', bundle, loadedBytes, totalBytes }),
    });
  }

  #assembled(): GenerationParts {
    if (this.#parts === null) throw new Error('ready() has to be called first.');
    return this.#parts;
  }
}
