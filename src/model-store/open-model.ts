/** Opens a model for use: downloaded and verified once, read from the browser's storage afterwards. */
import { openBundle, type ModelBundle } from '../bundle/open-bundle.ts';
import { AppError, isAppError } from '../domain/errors.ts';
import type { InstallProgress } from '../domain/models.ts';
import type { ChunkStore } from '../domain/ports.ts';
import { withMemoryFallback, withRoomMade } from './chunk-stores.ts';
import { fetchManifest } from './fetch-manifest.ts';
import { installModel, networkSupply, type InstallTarget } from './install.ts';
import { isSameRevision, manifestOf, type ModelRecord } from './model-records.ts';
import { reclaim } from './reclaim.ts';
import { StoredFiles } from './stored-files.ts';
import type { StoreParts } from './store-parts.ts';
import { findDamage } from './verify.ts';

export interface OpenedModel {
  readonly bundle: ModelBundle;
  /** Why the weights lie in memory only and are loaded again on the next visit; null when the browser keeps them. */
  readonly notKept: AppError | null;
}

export interface OpenOptions {
  readonly id: string;
  /** Folder in which the page itself has the model, ending in a slash; absolute. Asked whether there is a newer one. */
  readonly baseUrl: string;
  /** After an abnormal end everything is looked through, else an eighth. */
  readonly verifyAll: boolean;
  readonly signal: AbortSignal;
  readonly onProgress?: (progress: InstallProgress) => void;
}

/**
 * Installs what is not here yet (from memory only, where the browser keeps nothing), looks through a part of what is,
 * and fetches again what is damaged. Throws AppError `download-failed`, `integrity`, `bundle-invalid`,
 * `bundle-missing-file`, `cancelled`.
 */
export async function openModel(parts: StoreParts, options: OpenOptions): Promise<OpenedModel> {
  const { id, signal } = options;
  const chunks = withMemoryFallback(withRoomMade(parts.chunks, () => reclaim(parts, id)));
  const { records, failure } = parts.records.forgiving();
  const installed = await records.get('installed', id);
  const target = await findTarget(parts, installed, options);

  if (installed === null || !isSameRevision(installed.json, target.json)) {
    await installModel({ ...parts, records }, target, { ...options, chunks });
  } else {
    await repairDamage({ ...parts, records }, target, chunks, options);
  }
  const files = new StoredFiles(target, chunks, (wanted) =>
    networkSupply(parts, requireBases(target), chunks)([wanted], () => undefined, signal),
  );
  return { bundle: await openBundle(files), notKept: chunks.failure() ?? failure() };
}

/** The newest version that can be reached; only the page's own folder is asked, others only when nothing is here. */
async function findTarget(
  { network }: StoreParts,
  installed: ModelRecord | null,
  { baseUrl, signal }: OpenOptions,
): Promise<InstallTarget> {
  const kept = manifestOf(installed);
  if (installed !== null && kept !== null && !installed.bases.includes(baseUrl)) {
    return { manifest: kept, json: installed.json, bases: installed.bases };
  }
  const bases = installed?.bases ?? [baseUrl];
  try {
    return { ...(await fetchManifest([baseUrl], network, signal)), bases };
  } catch (error) {
    const isReachable = !isAppError(error, 'download-failed') || !error.retryable;
    if (installed === null || kept === null || isReachable) throw error;
    return { manifest: kept, json: installed.json, bases };
  }
}

async function repairDamage(
  parts: StoreParts,
  target: InstallTarget,
  chunks: ChunkStore,
  options: OpenOptions,
): Promise<void> {
  const { id, verifyAll, signal } = options;
  const turn = verifyAll ? null : await parts.records.nextTurn(id);
  const { damaged } = await findDamage(target.manifest, chunks, turn, signal);
  const kept = new Set(await chunks.keys());
  const isWhole = target.manifest.files.every((file) => file.chunks.every((key) => kept.has(key)));
  if (damaged.length === 0 && isWhole) return;
  requireBases(target);
  await installModel(parts, target, { ...options, chunks });
}

/** Throws AppError `integrity`: a model that was brought as files cannot be fetched. */
export function requireBases({ bases, manifest }: InstallTarget): readonly string[] {
  if (bases.length > 0) return bases;
  throw new AppError('integrity', `A part of ${manifest.id} is damaged or lost; import the model's files again.`, {
    details: { imported: true },
  });
}
