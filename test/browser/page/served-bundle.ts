import { openBundle, type ModelBundle } from '../../../src/bundle/open-bundle.ts';
import { AppError } from '../../../src/domain/errors.ts';
import type { BundleFiles } from '../../../src/domain/ports.ts';

/** The tiny bundle, with floats or as a compiled bundle stores its weights, as the test server offers it. */
export function servedFiles(weights: 'float' | 'quantised' = 'float'): BundleFiles {
  return {
    read: async (path) => new Uint8Array(await (await fetchFile(weights, path)).arrayBuffer()),
    blob: async (path) => (await fetchFile(weights, path)).blob(),
  };
}

export function openServedBundle(files: BundleFiles = servedFiles()): Promise<ModelBundle> {
  return openBundle(files);
}

async function fetchFile(weights: string, path: string): Promise<Response> {
  const response = await fetch(new URL(`/tiny-${weights}/${path}`, self.location.origin));
  if (!response.ok) throw new AppError('bundle-missing-file', `${path}: HTTP ${response.status}`);
  return response;
}
