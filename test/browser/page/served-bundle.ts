import { openBundle, type ModelBundle } from '../../../src/bundle/open-bundle.ts';
import { AppError } from '../../../src/domain/errors.ts';
import type { BundleFiles } from '../../../src/domain/ports.ts';

/** The tiny bundle as the test server offers it. */
export const servedFiles: BundleFiles = {
  read: async (path) => new Uint8Array(await (await fetchFile(path)).arrayBuffer()),
  blob: async (path) => (await fetchFile(path)).blob(),
};

export function openServedBundle(files: BundleFiles = servedFiles): Promise<ModelBundle> {
  return openBundle(files);
}

async function fetchFile(path: string): Promise<Response> {
  const response = await fetch(new URL(`/tiny/${path}`, self.location.origin));
  if (!response.ok) throw new AppError('bundle-missing-file', `${path}: HTTP ${response.status}`);
  return response;
}
