import { browserLockWatch } from '../engine/worker-client.ts';
import { indexedDbResultStore } from '../gallery/result-store.ts';
import { indexedDbTaskStore } from '../gallery/task-store.ts';
import { openTaskChannel } from '../jobs/task-channel.ts';
import { openModelChannel } from '../model-store/model-channel.ts';
import { browserLocks } from '../storage/web-locks.ts';
import type { AppSurroundings } from './create-app.ts';

/** The app in a real page; what `pwa` knows of the platform is added by the entry. */
export function browserSurroundings(): Omit<AppSurroundings, 'shell' | 'busySign' | 'installer'> {
  return {
    spawnWorker: () =>
      new Worker(new URL('../../workers/generation.worker.ts', import.meta.url), {
        type: 'module',
        name: 'generation',
      }),
    lockWatch: browserLockWatch(),
    pageUrl: document.location.href,
    reload: () => document.location.reload(),
    storage: storageIfAllowed(() => window.sessionStorage),
    lasting: storageIfAllowed(() => window.localStorage),
    spawnModelWorker: () =>
      new Worker(new URL('../../workers/model.worker.ts', import.meta.url), { type: 'module', name: 'models' }),
    locks: browserLocks(),
    tabs: 'BroadcastChannel' in window ? new BroadcastChannel('likeness-engine') : null,
    modelChannel: openModelChannel(),
    tasks: indexedDbTaskStore(),
    results: indexedDbResultStore(),
    taskChannel: openTaskChannel(),
    persist: persistIfPossible(),
    deviceMemoryBytes: deviceMemory(),
    onLeave: (leave) => window.addEventListener('pagehide', leave),
    rememberBundle: (bundle) => {
      const url = new URL(document.location.href);
      url.searchParams.set('app_id', bundle);
      window.history.replaceState(null, '', url);
    },
  };
}

/** Reading the property throws where site data is blocked. */
function storageIfAllowed(read: () => Storage): Storage | null {
  try {
    return read();
  } catch {
    return null;
  }
}

function persistIfPossible(): (() => Promise<boolean>) | null {
  // Missing on insecure pages, whatever lib.dom says.
  const storage = navigator.storage as StorageManager | undefined;
  return storage === undefined ? null : async () => (await storage.persisted()) || storage.persist();
}

function deviceMemory(): number | null {
  const gibibytes = (navigator as { readonly deviceMemory?: number }).deviceMemory;
  return gibibytes === undefined ? null : gibibytes * 2 ** 30;
}
