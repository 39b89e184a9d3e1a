import type { ChunkStore } from '../domain/ports.ts';
import { browserLocks, type Locks } from '../storage/web-locks.ts';
import { indexedDbChunkStore } from './chunk-stores.ts';
import { openModelChannel, type ModelChannel } from './model-channel.ts';
import { ModelRecords } from './model-records.ts';
import { browserNetwork, type Network } from './network.ts';

/** What everything in this folder works on. */
export interface StoreParts {
  readonly chunks: ChunkStore;
  readonly records: ModelRecords;
  readonly locks: Locks;
  readonly channel: ModelChannel;
  readonly network: Network;
  /** Tells this worker's own events from other workers'. */
  readonly holder: string;
}

export function browserStoreParts(): StoreParts {
  return {
    chunks: indexedDbChunkStore(),
    records: new ModelRecords(),
    locks: browserLocks(),
    channel: openModelChannel(),
    network: browserNetwork(),
    holder: crypto.randomUUID(),
  };
}

/** Held by whoever installs, verifies or removes the model. */
export const installLock = (id: string): string => `model:${id}`;
/** Shared by those who have the model's weights open. */
export const useLock = (id: string): string => `model-use:${id}`;
