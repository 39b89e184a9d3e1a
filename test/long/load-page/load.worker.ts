/** A large installed bundle of random weights, and the ways of reading it that are compared. */
import { CHUNK_BYTES, sha256Hex } from '../../../src/bundle/integrity.ts';
import { openBundle, parseManifest } from '../../../src/bundle/open-bundle.ts';
import type { BundleFiles, Role } from '../../../src/domain/ports.ts';
import { float32Tensor } from '../../../src/domain/tensor.ts';
import { openModel } from '../../../src/model-store/open-model.ts';
import { browserStoreParts } from '../../../src/model-store/store-parts.ts';
import { encodeModel } from '../../../src/networks/onnx-writer.ts';
import type { OrtNamespace, OrtSession, OrtSessionOptions } from '../../../src/runtime/ort-namespace.ts';
import { openBackend, type Backend } from '../../../src/runtime/open-backend.ts';
import { OrtSessionRunner, type NetworkBuilder } from '../../../src/runtime/session-runner.ts';
import { leastManifest } from '../../fixtures/least-manifest.ts';
import { opfsChunkStore } from './opfs-chunk-store.ts';

export type Build = 'jspi' | 'asyncify';
/** Milliseconds; opening (an eighth is looked through) is a part of loading. */
export interface Times {
  readonly rawReadMs: number;
  readonly createMs: number;
  readonly openMs: number;
  readonly loadMs: number;
}
export type LoadCall =
  | { readonly do: 'fill' }
  | { readonly do: 'compare-loading'; readonly build: Build }
  | { readonly do: 'open-backend'; readonly build: Build }
  | { readonly do: 'load'; readonly build: Build }
  | { readonly do: 'compare-stores'; readonly bytes: number };

const ID = 'random';
const ROLES = ['textEncoder', 'conditioner', 'denoiser', 'latentDecoder'] as const satisfies readonly Role[];
/** A [SIDE, SIDE] f32 matrix has 64 MiB; a file of the largest size that bundles may have holds four. */
const SIDE = 4096;
const MATRICES = 4;
const MATRIX_BYTES = SIDE * SIDE * 4;
const parts = browserStoreParts();
let backend: Promise<Backend> | null = null;

async function answer(call: LoadCall): Promise<unknown> {
  switch (call.do) {
    case 'fill':
      return fill();
    case 'open-backend':
      await open(call.build);
      return;
    case 'compare-loading':
      return compareLoading(call.build);
    case 'load':
      return load(call.build);
    case 'compare-stores':
      return compareStores(call.bytes);
  }
}

async function fill(): Promise<number> {
  const files = [];
  for (const role of ROLES) {
    const chunks: string[] = [];
    for (let i = 0; i < (MATRICES * MATRIX_BYTES) / CHUNK_BYTES; i++) {
      const bytes = randomBytes(CHUNK_BYTES);
      const key = await sha256Hex(bytes);
      chunks.push(key);
      await parts.chunks.set(key, bytes);
    }
    const bytes = MATRICES * MATRIX_BYTES;
    files.push({ path: `weights/${role}.bin`, bytes, sha256: '0'.repeat(64), chunkBytes: CHUNK_BYTES, chunks });
  }
  const index = new TextEncoder().encode(
    JSON.stringify(Object.fromEntries(ROLES.map((role) => [role, tensors(role)]))),
  );
  const key = await sha256Hex(index);
  await parts.chunks.set(key, index);
  files.push({ path: 'weights.json', bytes: index.length, sha256: key, chunkBytes: CHUNK_BYTES, chunks: [key] });
  await parts.records.set('installed', { id: ID, bases: [], json: { ...leastManifest(), id: ID, files }, savedAt: 0 });
  return files.reduce((sum, file) => sum + file.bytes, 0);
}

function tensors(role: Role) {
  return Object.fromEntries(
    Array.from({ length: MATRICES }, (_, i) => {
      const data = { offset: i * MATRIX_BYTES, length: MATRIX_BYTES };
      return [`w${i}`, { kind: 'float', file: `weights/${role}.bin`, dims: [SIDE, SIDE], dtype: 'float32', data }];
    }),
  );
}

/** y = x · w0 · w1 · w2 · w3 */
const buildChain: NetworkBuilder = (role, _spec, index) => {
  const dims = [1, SIDE];
  const model = encodeModel({
    name: role,
    inputs: [{ name: 'x', type: 'float32', dims }],
    outputs: [{ name: `y${MATRICES - 1}`, type: 'float32', dims }],
    nodes: Array.from({ length: MATRICES }, (_, i) => ({
      op: 'MatMul',
      domain: '',
      inputs: [i === 0 ? 'x' : `y${i - 1}`, `w${i}`],
      outputs: [`y${i}`],
      attributes: {},
    })),
    initializers: Object.entries(index).map(([name, entry]) => {
      if (entry.kind !== 'float') throw new Error(entry.kind);
      return { name, type: 'float32', dims: entry.dims, external: { file: entry.file, ...entry.data } };
    }),
  });
  return { model, weightFiles: [`weights/${role}.bin`] };
};

function open(build: Build): Promise<Backend> {
  backend ??= openBackend({ wish: 'webgpu', cpuThreads: 1, build });
  return backend;
}

async function load(build: Build): Promise<{ resident: number }> {
  await open(build);
  const bundle = await openRandom();
  return createAll(build, bundle.files, ROLES);
}

/**
 * What is compared is timed in turn, file by file, so that a busy machine disturbs all alike: reading the records,
 * creating the session from memory, creating it from the store. Opening the model counts as loading.
 */
async function compareLoading(build: Build): Promise<Times> {
  await open(build);
  const begin = performance.now();
  const bundle = await openRandom();
  const openMs = performance.now() - begin;
  let loadMs = openMs;
  let rawReadMs = 0;
  let createMs = 0;
  for (const [place, role] of ROLES.entries()) {
    const path = `weights/${role}.bin`;
    const raw = async (): Promise<void> => {
      const keys = bundle.manifest.files.find((file) => file.path === path)!.chunks;
      rawReadMs += await timed(async () => {
        for (const key of keys) await parts.chunks.get(key);
      });
    };
    const memory = async (): Promise<void> => {
      const bytes = await bundle.files.read(path);
      const files: BundleFiles = {
        read: (asked) => (asked === path ? Promise.resolve(bytes) : bundle.files.read(asked)),
        blob: () => Promise.reject(new Error('not from disk')),
      };
      createMs += (await createAll(build, files, [role], 'bytes')).createMs;
    };
    const store = async (): Promise<void> => {
      loadMs += (await createAll(build, bundle.files, [role])).createMs;
    };
    const turns = [raw, memory, store];
    for (let turn = 0; turn < turns.length; turn++) await turns[(place + turn) % turns.length]!();
  }
  return { rawReadMs, createMs, openMs, loadMs };
}

function openRandom() {
  const { signal } = new AbortController();
  const options = { id: ID, baseUrl: 'http://127.0.0.1:9/', verifyAll: false, signal };
  return openModel(parts, options).then(({ bundle }) => bundle);
}

/** All of them stay until the last one is there. `createMs`: from the finished graph to the session, runs left out. */
async function createAll(
  build: Build,
  files: BundleFiles,
  roles: readonly Role[],
  weights: 'blob' | 'bytes' = build === 'jspi' ? 'blob' : 'bytes',
): Promise<{ createMs: number; resident: number }> {
  const { ort, gate, info, sessionOptions, gpu } = await open(build);
  const bundle = await openBundle(files);
  let begin = 0;
  let createMs = 0;
  const create = async (model: Uint8Array, options: OrtSessionOptions): Promise<OrtSession> => {
    const session = await ort.InferenceSession.create(model, options);
    createMs += performance.now() - begin;
    return session;
  };
  const runner = new OrtSessionRunner({
    ort: { ...ort, InferenceSession: { create } } as unknown as OrtNamespace,
    gate,
    bundle,
    backend: info,
    buildNetwork: (...args) => {
      begin = performance.now();
      return buildChain(...args);
    },
    compute: 'float32',
    sessionOptions,
    weights,
    weightLimit: null,
    device: gpu!.device,
    takeDeviceError: gpu!.takeError,
  });
  for (const role of roles) await runner.run(role, { x: float32Tensor(new Float32Array(SIDE), [1, SIDE]) });
  const resident = runner.residentBytes();
  await runner.close();
  return { createMs, resident };
}

/** The same chunks through both stores, in turn, so that a busy machine disturbs both. */
async function compareStores(
  bytes: number,
): Promise<Record<string, { writeMs: number; readMs: number; blobMs: number }>> {
  const stores = { indexedDb: parts.chunks, opfs: await opfsChunkStore() };
  const figures: Record<string, { writeMs: number; readMs: number; blobMs: number }> = {};
  const names = ['indexedDb', 'opfs'] as const;
  for (const name of names) figures[name] = { writeMs: 0, readMs: 0, blobMs: 0 };
  const keys: string[] = [];
  for (let i = 0; i < bytes / CHUNK_BYTES; i++) {
    const chunk = randomBytes(CHUNK_BYTES);
    const key = await sha256Hex(chunk);
    keys.push(key);
    for (const name of i % 2 === 0 ? names : [...names].reverse()) {
      figures[name]!.writeMs += await timed(() => stores[name].set(key, chunk.slice()));
    }
  }
  for (const [i, key] of keys.entries()) {
    for (const name of i % 2 === 0 ? names : [...names].reverse()) {
      figures[name]!.readMs += await timed(() => stores[name].get(key));
      // As the JSPI build reads: a Blob, and out of it a tensor after the other.
      figures[name]!.blobMs += await timed(async () => {
        const blob = (await stores[name].blob(key))!;
        for (let at = 0; at < blob.size; at += 2 ** 22) await blob.slice(at, at + 2 ** 22).arrayBuffer();
      });
    }
  }
  for (const key of keys) for (const name of names) await stores[name].delete(key);
  return figures;
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const begin = performance.now();
  await work();
  return performance.now() - begin;
}

/** Marsaglia's xorshift32, one state for the worker's life. Exponents are kept small, so that no product overflows. */
let state = 0x12345678;
function randomBytes(length: number): Uint8Array<ArrayBuffer> {
  const words = new Uint32Array(length / 4);
  for (let i = 0; i < words.length; i++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    words[i] = (state & 0x807fffff) | 0x3c000000;
  }
  return new Uint8Array(words.buffer);
}

// Opening an unused manifest checks that the harness's own one is sound before a gigabyte is written.
parseManifest({ ...leastManifest(), files: [] });

self.onmessage = async ({ data }: MessageEvent<LoadCall>) => {
  try {
    self.postMessage({ value: await answer(data) });
  } catch (error) {
    self.postMessage({ error: error instanceof Error ? (error.stack ?? error.message) : String(error) });
  }
};
