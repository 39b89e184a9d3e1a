import { modelLimits } from '../../src/bundle/model-limits.ts';
import type { ApiModel } from '../../src/api/task-desk.ts';
import { openNodeBundle } from '../node-bundle-files.ts';
import { UsageError } from '../usage-error.ts';

export interface ServedModels {
  /** In the order of the folders. */
  readonly models: readonly ApiModel[];
  readonly folders: Readonly<Record<string, string>>;
  /** Ids whose bundle checks the pictures it makes. */
  readonly safetyChecked: readonly string[];
}

/** Reads the manifests of bundle folders. Throws UsageError for two of one id, and the AppErrors of opening a bundle. */
export async function readModels(paths: readonly string[]): Promise<ServedModels> {
  const models: ApiModel[] = [];
  const folders: Record<string, string> = {};
  const safetyChecked: string[] = [];
  for (const path of paths) {
    const { manifest } = await openNodeBundle(path);
    const { id, title, native } = manifest;
    if (folders[id] !== undefined) throw new UsageError(`${path} and ${folders[id]} are both the model "${id}".`);
    folders[id] = path;
    if (manifest.safetyChecked) safetyChecked.push(id);
    models.push({ id, title, native: { width: native.width, height: native.height }, limits: modelLimits(manifest) });
  }
  return { models, folders, safetyChecked };
}
