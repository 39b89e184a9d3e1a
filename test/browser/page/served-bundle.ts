import { openBundle, type ModelBundle } from '../../../src/bundle/open-bundle.ts';
import { AppError } from '../../../src/domain/errors.ts';
import type { BundleFiles } from '../../../src/domain/ports.ts';

/** A bundle as the test server offers it: `tiny`, or `tiny-official` with networks of official models. */
function filesIn(folder: 'tiny' | 'tiny-official'): BundleFiles {
  return {
    read: async (path) => new Uint8Array(await (await fetchFile(`${folder}/${path}`)).arrayBuffer()),
    blob: async (path) => (await fetchFile(`${folder}/${path}`)).blob(),
  };
}

export const servedFiles: BundleFiles = filesIn('tiny');
export const officialFiles: BundleFiles = filesIn('tiny-official');

export function openServedBundle(files: BundleFiles = servedFiles): Promise<ModelBundle> {
  return openBundle(files);
}

async function fetchFile(path: string): Promise<Response> {
  const response = await fetch(new URL(`/${path}`, self.location.origin));
  if (!response.ok) throw new AppError('bundle-missing-file', `${path}: HTTP ${response.status}`);
  return response;
}
