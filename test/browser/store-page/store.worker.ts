/** The real model service over the browser's real IndexedDB; only waiting between attempts is cut short. */
import { sha256Hex } from '../../../src/bundle/integrity.ts';
import { isAppError } from '../../../src/domain/errors.ts';
import { indexedDbChunkStore } from '../../../src/model-store/chunk-stores.ts';
import { ModelService } from '../../../src/model-store/model-service.ts';
import { sleep } from '../../../src/model-store/network.ts';
import { openModel } from '../../../src/model-store/open-model.ts';
import { browserStoreParts, type StoreParts } from '../../../src/model-store/store-parts.ts';

export type StoreCall =
  | { readonly do: 'install'; readonly url: string }
  | { readonly do: 'list' }
  | { readonly do: 'verify'; readonly id: string }
  | { readonly do: 'remove'; readonly id: string }
  /** SHA-256 of every file by path, read the way the engine reads them. */
  | { readonly do: 'digests'; readonly id: string; readonly baseUrl: string }
  | { readonly do: 'chunk-count' }
  /** After so many more writes the next ones fail as a full disk share does. */
  | { readonly do: 'fill-disk'; readonly afterWrites: number; readonly failures: number }
  /** Overwrites one stored chunk with one bit changed. */
  | { readonly do: 'flip-bit'; readonly key: string };

export type StoreReply =
  { readonly value: unknown } | { readonly error: { readonly code: string; readonly message: string } };

const parts: StoreParts = {
  ...browserStoreParts(),
  network: { ...browserStoreParts().network, sleep: (ms, signal) => sleep(ms / 100, signal), stallMs: 1500 },
};
const service = new ModelService(parts, new URL('no-catalogue.json', self.location.href).href);

async function answer(call: StoreCall): Promise<unknown> {
  switch (call.do) {
    case 'install':
      return service.install({ url: call.url });
    case 'list':
      return service.list();
    case 'verify':
      return service.verify(call.id);
    case 'remove':
      return service.remove(call.id);
    case 'digests':
      return digests(call.id, call.baseUrl);
    case 'chunk-count':
      return (await parts.chunks.keys()).length;
    case 'fill-disk':
      fillDisk(call.afterWrites, call.failures);
      return null;
    case 'flip-bit':
      return flipBit(call.key);
  }
}

async function digests(id: string, baseUrl: string): Promise<Record<string, string>> {
  const { signal } = new AbortController();
  const { bundle } = await openModel(parts, { id, baseUrl, verifyAll: false, signal });
  const found: Record<string, string> = {};
  for (const { path } of bundle.manifest.files) {
    const bytes = await bundle.files.read(path);
    const blob = new Uint8Array(await (await bundle.files.blob(path)).arrayBuffer());
    const digest = await sha256Hex(bytes);
    found[path] = digest === (await sha256Hex(blob)) ? digest : 'read and blob differ';
  }
  return found;
}

function fillDisk(afterWrites: number, failures: number): void {
  // Called with its own `this` below.
  // eslint-disable-next-line @typescript-eslint/unbound-method
  const put = IDBObjectStore.prototype.put;
  let writes = 0;
  IDBObjectStore.prototype.put = function (this: IDBObjectStore, ...args: Parameters<IDBObjectStore['put']>) {
    writes += 1;
    if (writes > afterWrites && writes <= afterWrites + failures) {
      throw new DOMException('The disk share is full.', 'QuotaExceededError');
    }
    return put.apply(this, args);
  };
}

async function flipBit(key: string): Promise<void> {
  const bytes = await indexedDbChunkStore().get(key);
  if (bytes === undefined) throw new Error(`No chunk ${key}`);
  bytes[bytes.length >> 1]! ^= 1;
  await indexedDbChunkStore().set(key, bytes);
}

self.onmessage = async ({ data }: MessageEvent<{ id: number; call: StoreCall }>) => {
  let reply: StoreReply;
  try {
    reply = { value: await answer(data.call) };
  } catch (error) {
    const code = isAppError(error) ? error.code : 'not an AppError';
    reply = { error: { code, message: error instanceof Error ? error.message : String(error) } };
  }
  self.postMessage({ id: data.id, reply });
};
