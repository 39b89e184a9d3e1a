import type { AppShell, KeptFiles } from '../app/app-shell.ts';
import type { WorkerRequest } from './messages.ts';

const SCRIPT = './service-worker.js';
/** Keeping an engine may take a slow connection's time; a worker that is silent for longer has been ended. */
const ANSWER_LIMIT_MS = 10 * 60_000;

/** The app kept by its service worker. `container` is null where there is none: plain http, private windows. */
export function serviceWorkerShell(container: ServiceWorkerContainer | null): AppShell {
  let registration: ServiceWorkerRegistration | null = null;
  let onReady: () => void = () => undefined;
  let onReplaced: () => void = () => undefined;

  function watch(found: ServiceWorkerRegistration): void {
    // Nothing is replaced when the very first worker takes over.
    let first = found.active === null;
    container?.addEventListener('controllerchange', () => {
      if (!first) onReplaced();
      first = false;
    });
    if (found.active !== null && found.waiting !== null) onReady();
    const watchInstalling = (): void => {
      const { installing } = found;
      installing?.addEventListener('statechange', () => {
        if (installing.state === 'installed' && found.active !== null) onReady();
      });
    };
    watchInstalling(); // another window may have started it
    found.addEventListener('updatefound', watchInstalling);
  }

  async function ask(request: WorkerRequest): Promise<KeptFiles | null> {
    const worker = registration?.active;
    if (!worker) return null;
    const { port1, port2 } = new MessageChannel();
    return new Promise((resolve) => {
      const timer = setTimeout(() => resolve(null), ANSWER_LIMIT_MS);
      port1.onmessage = (event: MessageEvent<KeptFiles>) => {
        clearTimeout(timer);
        port1.close();
        resolve(event.data);
      };
      worker.postMessage(request, [port2]);
    });
  }

  return {
    async start() {
      if (container === null) return false;
      try {
        // Addresses are relative to the page, so that the app works in any folder.
        registration = await container.register(SCRIPT, { updateViaCache: 'none' });
        watch(registration);
        return await activated(registration);
      } catch {
        return false; // no network at the first visit, or the browser forbids it: the app works without
      }
    },
    kept: (engine) => ask({ type: 'STATE', engine }),
    keep: (engine, description) => ask({ type: 'KEEP', engine, description }),
    onUpdateReady: (listener) => (onReady = listener),
    onReplaced: (listener) => (onReplaced = listener),
    async lookForUpdate() {
      if (navigator.onLine && registration?.installing === null) await registration.update().catch(() => undefined);
    },
    letUpdateIn() {
      registration?.waiting?.postMessage({ type: 'SKIP_WAITING' } satisfies WorkerRequest);
    },
  };
}

/** True when some version is active; false when the first one could not be installed. */
function activated({ active, installing, waiting }: ServiceWorkerRegistration): Promise<boolean> {
  const worker = installing ?? waiting;
  if (active !== null) return Promise.resolve(true);
  if (worker === null) return Promise.resolve(false);
  return new Promise((resolve) => {
    worker.addEventListener('statechange', () => {
      if (worker.state === 'activated') resolve(true);
      if (worker.state === 'redundant') resolve(false);
    });
  });
}
