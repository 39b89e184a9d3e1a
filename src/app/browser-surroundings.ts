import { browserLockWatch } from '../engine/worker-client.ts';
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
    storage: sessionStorageIfAllowed(),
    reload: () => document.location.reload(),
  };
}

/** Reading the property throws where site data is blocked. */
function sessionStorageIfAllowed(): Storage | null {
  try {
    return window.sessionStorage;
  } catch {
    return null;
  }
}
