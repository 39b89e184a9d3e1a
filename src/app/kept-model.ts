import type { BundleManifest } from '../bundle/manifest.ts';
import { indexedDbChunkStore } from '../model-store/chunk-stores.ts';

/** Whether every chunk of the model lies in the browser's storage. Looks at keys only: weights stay in the worker. */
export async function isModelKept(manifest: BundleManifest): Promise<boolean> {
  const keys = await indexedDbChunkStore()
    .keys()
    .catch((): readonly string[] => []);
  const kept = new Set(keys);
  return manifest.files.every((file) => file.chunks.every((chunk) => kept.has(chunk)));
}
