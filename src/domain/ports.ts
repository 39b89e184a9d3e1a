/** The seams: what outer folders implement and inner ones ask for. */
import type { ComputeBudget } from './compute-budget.ts';
import type { PixelImage } from './image.ts';
import type { OutputFormat } from './request.ts';
import type { GenerationEvent, GenerationOutcome, GenerationTask } from './task.ts';
import type { HostTensor, Tensor } from './tensor.ts';

/** The parts a bundle may have; a session is made per role and shape. */
export const ROLES = [
  'faceDetector',
  'faceEncoder',
  'textEncoder',
  'conditioner',
  'denoiser',
  'latentEncoder',
  'latentDecoder',
  'imageEncoder',
  'resampler',
  'safety',
] as const;
export type Role = (typeof ROLES)[number];

export const BACKEND_KINDS = ['webgpu-f16', 'webgpu-f32', 'wasm', 'node-cpu'] as const;
export type BackendKind = (typeof BACKEND_KINDS)[number];

/** `auto` lets the runtime choose; the others are for tests and for people who want to compare. */
export const BACKEND_WISHES = ['auto', 'webgpu', 'wasm'] as const;
export type BackendWish = (typeof BACKEND_WISHES)[number];

/** onnxruntime-web's wasm builds: WebGPU by stack switching, WebGPU by asyncify, CPU only. */
export type EngineBuild = 'jspi' | 'asyncify' | 'wasm';

/** Which backend computes, and why that one. */
export interface BackendInfo {
  readonly kind: BackendKind;
  /** One English sentence for the page and the log, e.g. "WebGPU offers only a software adapter, which is slower than the CPU." */
  readonly reason: string;
  /** Adapter or processor in words, if the browser tells. */
  readonly device: string;
  readonly threads: number;
}

export interface RunOptions {
  /** Outputs that stay on the device; others come back as host tensors. Runners without a device ignore it. */
  readonly keepOnDevice?: readonly string[];
  /** Checked before the run starts; a graph run itself cannot be interrupted. */
  readonly signal?: AbortSignal;
}

/**
 * Runs one bundle's networks. Sessions are created lazily for (role, feed shapes) and serialised by one mutex.
 * Throws AppError: `weights-invalid`, `graph-invalid`, `out-of-memory`, `device-lost`, `engine-poisoned`, `cancelled`.
 */
export interface SessionRunner {
  readonly backend: BackendInfo;
  run(role: Role, feeds: Readonly<Record<string, Tensor>>, options?: RunOptions): Promise<Record<string, Tensor>>;
  /** The tensor in ordinary memory; a host tensor is returned as it is. The device copy is disposed. */
  read(tensor: Tensor): Promise<HostTensor>;
  dispose(tensor: Tensor): void;
  /** Frees the role's sessions, whatever their shapes. */
  release(role: Role): Promise<void>;
  /** Weight bytes resident in live sessions. */
  residentBytes(): number;
}

/** Products of plain matrices, for the forge: on a runtime where there is one. */
export interface MatMul {
  /** a · b of row-major f32 matrices [rows, inner] and [inner, columns] → [rows, columns]. */
  multiply(a: Float32Array, b: Float32Array, inner: number): Promise<Float32Array>;
}

/** The files of one opened bundle. */
export interface BundleFiles {
  /** Throws AppError `bundle-missing-file`. */
  read(path: string): Promise<Uint8Array>;
  /** The same bytes as a Blob where that avoids a copy (the JSPI build streams Blobs to the GPU). */
  blob(path: string): Promise<Blob>;
}

/** Pixels in, files out. Browser: ImageBitmap + OffscreenCanvas; Node: its own decoders. */
export interface ImageCodec {
  /** EXIF orientation applied. Throws AppError `image-*` naming what is wrong with the bytes. */
  decode(bytes: Blob): Promise<PixelImage>;
  encode(image: PixelImage, format: OutputFormat): Promise<Blob>;
}

/** Verified, content-addressed pieces of weight files; keys are their SHA-256. */
export interface ChunkStore {
  /** Whether `blob` leaves the bytes on disk; else it copies them in memory. */
  readonly blobsOnDisk: boolean;
  /** The bytes in memory; undefined also when the browser still lists the chunk but has lost what was in it. */
  get(key: string): Promise<Uint8Array<ArrayBuffer> | undefined>;
  /** The same bytes where they lie: a Blob on disk where the browser keeps one, else a Blob of memory. */
  blob(key: string): Promise<Blob | undefined>;
  /** Resolves when the bytes are kept; they must not be changed afterwards. */
  set(key: string, bytes: Uint8Array<ArrayBuffer>): Promise<void>;
  delete(key: string): Promise<void>;
  keys(): Promise<readonly string[]>;
}

export interface EngineCapabilities {
  readonly backend: BackendInfo;
  /** Which of the engine's builds was loaded; absent where the app loads none. */
  readonly engineBuild?: EngineBuild;
  readonly budget: ComputeBudget;
  /** Bundle ids that can run without a download. */
  readonly bundles: readonly string[];
  readonly crossOriginIsolated: boolean;
}

/** How a task gets done. Local, remote and test double obey one contract. Cancellation is a result, not an error. */
export interface Engine {
  submit(task: GenerationTask): Promise<EngineResult>;
  /** Resolves when the task is no longer running; unknown ids are ignored. */
  cancel(taskId: string): Promise<void>;
  subscribe(listener: (event: GenerationEvent<Blob>) => void): () => void;
  capabilities(): Promise<EngineCapabilities>;
}

export type EngineResult =
  { readonly status: 'done'; readonly outcome: GenerationOutcome<Blob> } | { readonly status: 'cancelled' };
