/** Opens a bundle from where it is served: downloaded and verified once, read from the browser's storage afterwards. */
import { openBundle, parseManifest, type ModelBundle } from '../bundle/open-bundle.ts';
import { AppError, isAppError } from '../domain/errors.ts';
import type { ChunkStore } from '../domain/ports.ts';
import { openKeyValueStore, type KeyValueStore } from '../storage/key-value-store.ts';
import { indexedDbChunkStore, withMemoryFallback } from './chunk-stores.ts';
import { fetchChecked } from './download.ts';
import { StoredFiles, type LoadProgress } from './stored-files.ts';

export interface StoredBundle {
  readonly bundle: ModelBundle;
  /** Why the weights lie in memory only and are loaded again on the next visit; null when the browser keeps them. */
  readonly notKept: AppError | null;
}

export interface OpenOptions {
  /** Folder of `bundle.json`, ending in a slash; absolute. */
  readonly baseUrl: string;
  readonly onProgress?: (progress: LoadProgress) => void;
  readonly signal?: AbortSignal;
  readonly fetch?: typeof globalThis.fetch;
  /** Chunks by SHA-256; IndexedDB unless given. */
  readonly chunks?: ChunkStore;
  /** The last manifest by base URL, so that a kept bundle opens offline; IndexedDB unless given. */
  readonly manifests?: KeyValueStore<unknown>;
}

/**
 * Fetches `bundle.json` (the kept one when the server is unreachable), then every file that is not kept yet.
 * Throws AppError `download-failed`, `integrity`, `bundle-invalid`, `bundle-missing-file`, `cancelled`.
 */
export async function openStoredBundle(options: OpenOptions): Promise<StoredBundle> {
  const { baseUrl } = options;
  const fetch = options.fetch ?? globalThis.fetch.bind(globalThis);
  const chunks = withMemoryFallback(options.chunks ?? indexedDbChunkStore());
  const manifests = options.manifests ?? openKeyValueStore<unknown>('likeness-model-index');

  const known = await manifests.get(baseUrl).catch(() => undefined);
  const json = await fetchManifest(baseUrl, known, { fetch, signal: options.signal });
  const manifest = parseManifest(json);

  const store = new StoredFiles(manifest, json, baseUrl, chunks, fetch);
  await store.loadMissing(options.onProgress ?? (() => undefined), options.signal);
  const bundle = await openBundle(store);
  const indexFailure = await keepManifest(manifests, baseUrl, json);
  if (indexFailure === null) await removeReplacedChunks(known, manifests, chunks);
  return { bundle, notKept: chunks.failure() ?? indexFailure };
}

async function fetchManifest(
  baseUrl: string,
  known: unknown,
  options: { fetch: typeof globalThis.fetch; signal: AbortSignal | undefined },
): Promise<unknown> {
  const url = new URL('bundle.json', baseUrl).href;
  let response: Response;
  try {
    response = await fetchChecked(url, 'no-cache', options);
  } catch (error) {
    if (known !== undefined && isAppError(error, 'download-failed') && error.retryable) return known;
    throw error;
  }
  try {
    return (await response.json()) as unknown;
  } catch (cause) {
    throw new AppError('bundle-invalid', `${url} is not JSON; the file is damaged or is another file.`, { cause });
  }
}

async function keepManifest(
  manifests: KeyValueStore<unknown>,
  baseUrl: string,
  json: unknown,
): Promise<AppError | null> {
  try {
    await manifests.set(baseUrl, json);
    return null;
  } catch (error) {
    if (isAppError(error)) return error;
    throw error;
  }
}

/** After an update: chunks of the replaced manifest that no kept manifest names any more. */
async function removeReplacedChunks(
  replaced: unknown,
  manifests: KeyValueStore<unknown>,
  chunks: ChunkStore,
): Promise<void> {
  if (replaced === undefined) return;
  const needed = new Set<string>();
  for (const key of await manifests.keys()) for (const chunk of chunkKeys(await manifests.get(key))) needed.add(chunk);
  for (const chunk of chunkKeys(replaced)) if (!needed.has(chunk)) await chunks.delete(chunk);
}

/** Chunk keys of a kept manifest; an older app may have kept one that this one cannot read, so it keeps none. */
function chunkKeys(manifest: unknown): readonly string[] {
  try {
    return parseManifest(manifest).files.flatMap((file) => file.chunks);
  } catch {
    return [];
  }
}
