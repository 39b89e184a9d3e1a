/** Brings every chunk of a model onto this device, and only then counts it as installed. */
import type { BundleManifest } from '../bundle/manifest.ts';
import { AppError, isAppError } from '../domain/errors.ts';
import type { InstallProgress } from '../domain/models.ts';
import type { ChunkStore } from '../domain/ports.ts';
import { ChunkPlan } from './chunk-plan.ts';
import { withRoomMade } from './chunk-stores.ts';
import { downloadChunks } from './download.ts';
import type { WantedChunk } from './fetch-chunk.ts';
import { isSameRevision } from './model-records.ts';
import { cancelled } from './network.ts';
import { deleteUnnamedChunks, reclaim } from './reclaim.ts';
import { installLock, type StoreParts } from './store-parts.ts';
import { TimeLeft } from './time-left.ts';

export interface InstallTarget {
  readonly manifest: BundleManifest;
  readonly json: unknown;
  /** Where its files are; see ModelRecord. */
  readonly bases: readonly string[];
}

/** Brings the chunks that are missing; tells each one's key once it is kept. */
export type ChunkSupply = (
  missing: readonly WantedChunk[],
  onKept: (key: string) => void,
  signal: AbortSignal,
) => Promise<void>;

export interface InstallOptions {
  readonly signal: AbortSignal;
  readonly onProgress?: (progress: InstallProgress) => void;
  /** Where chunks are looked for and kept; the parts' own unless given. */
  readonly chunks?: ChunkStore;
  /** Where chunks come from; the network unless given. */
  readonly supply?: ChunkSupply;
}

/**
 * Waits for its turn when another tab works on the same model. What is verified stays when it fails or is stopped, so
 * that the next call goes on from there. Throws AppError `download-failed`, `integrity`, `quota-exceeded` (after making
 * room once), `storage-unavailable`, `cancelled`.
 */
export async function installModel(parts: StoreParts, target: InstallTarget, options: InstallOptions): Promise<void> {
  const { id } = target.manifest;
  await workOn(parts, id, options.signal, (signal) => install(parts, target, { ...options, signal }));
}

/** Under the model's lock; ends when any tab asks for it, and tells all of them that it has ended. */
export async function workOn<T>(
  { locks, channel, holder }: StoreParts,
  id: string,
  signal: AbortSignal,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const asked = new AbortController();
  const either = AbortSignal.any([signal, asked.signal]);
  const run = async (): Promise<T> => {
    const unsubscribe = channel.subscribe((event) => {
      if (event.type === 'stop' && event.id === id) asked.abort();
    });
    try {
      return await work(either);
    } finally {
      unsubscribe();
    }
  };
  try {
    return await locks.hold(installLock(id), run, { signal });
  } catch (error) {
    if (either.aborted && !isAppError(error)) throw cancelled();
    throw error;
  } finally {
    channel.post({ type: 'ended', id, holder });
  }
}

async function install(parts: StoreParts, target: InstallTarget, options: InstallOptions): Promise<void> {
  const { records } = parts;
  const { manifest, json, bases } = target;
  const { id } = manifest;
  const plan = new ChunkPlan(manifest);
  const chunks = options.chunks ?? withRoomMade(parts.chunks, () => reclaim(parts, id));
  const record = { id, bases, json, savedAt: Date.now() };
  const before = await records.get('installed', id);
  const isKnown = before !== null && isSameRevision(before.json, json);

  let missing = plan.missing(new Set(await chunks.keys()));
  if (isKnown && missing.length === 0) return;
  await records.set('partial', record);
  // Looked through again at the end: chunks that lay there already may have gone meanwhile (another tab makes room).
  for (let round = 0; missing.length > 0 && round < 3; round++) {
    const tell = progressTeller(parts, plan, missing, options.onProgress, id);
    const supply = options.supply ?? networkSupply(parts, bases, chunks, tell.wholeFilesOnly);
    await supply(missing, tell.kept, options.signal);
    missing = plan.missing(new Set(await chunks.keys()));
  }
  if (missing.length > 0) throw lost(id);
  if (!(await isLasting(parts, plan))) return;
  await records.set('installed', record);
  await records.delete('partial', id);
  if (before !== null && !isKnown) await deleteUnnamedChunks(parts);
}

/** Chunks may live in memory for this visit only; then nothing is installed. */
async function isLasting(parts: StoreParts, plan: ChunkPlan): Promise<boolean> {
  const kept = await parts.chunks.keys().catch(() => []);
  return plan.missing(new Set(kept)).length === 0;
}

function lost(id: string): AppError {
  return new AppError('storage-unavailable', `The browser lost parts of ${id} right after storing them.`, {
    retryable: true,
  });
}

/** Chunks by HTTP into `chunks`. */
export function networkSupply(
  { network }: StoreParts,
  bases: readonly string[],
  chunks: ChunkStore,
  onWholeFilesOnly?: () => void,
): ChunkSupply {
  return (wanted, onKept, signal) =>
    downloadChunks(wanted, {
      bases,
      network,
      signal,
      ...(onWholeFilesOnly === undefined ? {} : { onWholeFilesOnly }),
      keep: async (key, bytes) => {
        await chunks.set(key, bytes);
        onKept(key);
      },
    });
}

function progressTeller(
  { channel, network, holder }: StoreParts,
  plan: ChunkPlan,
  missing: readonly WantedChunk[],
  onProgress: InstallOptions['onProgress'],
  id: string,
) {
  const { totalBytes } = plan;
  const timeLeft = new TimeLeft(network.now());
  let verifiedBytes = totalBytes - missing.reduce((sum, { file, index }) => sum + plan.bytesOf(file.chunks[index]!), 0);
  let wholeFilesOnly = false;
  const tell = (): void => {
    const timeLeftMs = timeLeft.estimate(totalBytes - verifiedBytes, network.now());
    const progress = { verifiedBytes, totalBytes, timeLeftMs, wholeFilesOnly };
    onProgress?.(progress);
    channel.post({ type: 'progress', id, holder, progress });
  };
  tell();
  return {
    kept: (key: string): void => {
      verifiedBytes += plan.bytesOf(key);
      timeLeft.add(plan.bytesOf(key), network.now());
      tell();
    },
    wholeFilesOnly: (): void => {
      wholeFilesOnly = true;
      tell();
    },
  };
}
