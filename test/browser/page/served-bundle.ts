import { openBundle, type ModelBundle } from '../../../src/bundle/open-bundle.ts';
import { AppError } from '../../../src/domain/errors.ts';
import type { BundleFiles } from '../../../src/domain/ports.ts';

/**
 * The bundles of the test server: `tiny`, `tiny-quantised` with weights as a compiled bundle stores them, `tiny-official`
 * with networks of official models.
 */
export type Folder = 'tiny' | 'tiny-quantised' | 'tiny-official';

export function filesIn(folder: Folder): BundleFiles {
  return {
    read: async (path) => new Uint8Array(await (await fetchFile(`${folder}/${path}`)).arrayBuffer()),
    blob: async (path) => (await fetchFile(`${folder}/${path}`)).blob(),
  };
}

export function openServedBundle(files: BundleFiles = filesIn('tiny')): Promise<ModelBundle> {
  return openBundle(files);
}

async function fetchFile(path: string): Promise<Response> {
  const response = await fetch(new URL(`/${path}`, self.location.origin));
  if (!response.ok) throw new AppError('bundle-missing-file', `${path}: HTTP ${response.status}`);
  return response;
}
