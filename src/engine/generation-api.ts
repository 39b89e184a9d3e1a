/** The contract between the page and the generation worker. Both sides import this file and nothing of each other. */
import type { BundleManifest } from '../bundle/manifest.ts';
import type { InferenceType } from '../domain/compute-budget.ts';
import type { ErrorCode } from '../domain/errors.ts';
import type { DetectedFace } from '../domain/image.ts';
import type { BackendWish, EngineCapabilities, EngineResult } from '../domain/ports.ts';
import type { Adjustment, ImageSource } from '../domain/request.ts';
import type { GenerationEvent, GenerationTask } from '../domain/task.ts';

/** What a worker is told once, before anything else; another wish needs another worker. */
export interface WorkerSetup {
  /** Absolute URL, ending in a slash, under which bundles lie as `<id>/bundle.json`. */
  readonly modelsUrl: string;
  readonly inferenceType: InferenceType;
  readonly backend: BackendWish;
  /** The engine ended abnormally the last time: all stored weights are looked through before they are used. */
  readonly verifyAll: boolean;
}

/** A reference picture as the worker read it; coordinates are pixels of the picture as a person sees it (EXIF applied). */
export interface OpenedPicture {
  /** The file itself, so that a picture from a URL is fetched only once. */
  readonly file: Blob;
  readonly width: number;
  readonly height: number;
  /** By descending area; empty when none was found. */
  readonly faces: readonly DetectedFace[];
}

/** What the page needs to know of a model that is ready. */
export interface LoadedModel {
  readonly manifest: BundleManifest;
  /** Why the browser does not keep the weights for the next visit; null when it does. */
  readonly notKept: ErrorCode | null;
}

/** Bytes of a model that have arrived and been verified. */
export interface LoadProgress {
  readonly type: 'load';
  readonly bundle: string;
  readonly loadedBytes: number;
  readonly totalBytes: number;
}

export type WorkerEvent = GenerationEvent<Blob> | LoadProgress;

/** Every method may throw AppError; the code survives the crossing (see error-transfer.ts). */
export interface GenerationApi {
  /** The name of the Web Lock that the worker holds while it lives; null where there are no Web Locks. */
  ready(setup: WorkerSetup): Promise<{ readonly lock: string | null }>;
  /** Sign of life. */
  ping(): Promise<void>;
  /** One long-lived listener per worker. */
  subscribe(listener: (event: WorkerEvent) => void): Promise<void>;
  capabilities(): Promise<EngineCapabilities>;
  /**
   * Fetches and verifies what is not stored yet; tells `load` events. Every call that needs the model awaits it. One
   * model is held at a time: another one takes its place when nothing uses it any more.
   */
  loadModel(bundle: string): Promise<LoadedModel>;
  /** What the model would make of a prompt, e.g. words it does not know. */
  checkPrompt(bundle: string, text: string): Promise<readonly Adjustment[]>;
  /** Reads a picture and looks for faces with the bundle's detector. */
  openPicture(bundle: string, source: ImageSource): Promise<OpenedPicture>;
  generate(task: GenerationTask): Promise<EngineResult>;
  /** Returns at once; the task ends as cancelled after the step that is running. */
  cancel(taskId: string): Promise<void>;
}
