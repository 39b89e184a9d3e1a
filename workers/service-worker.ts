/** The service worker's composition root: which files it keeps, which requests it answers. Weights it never touches. */
import { setCacheNameDetails } from 'workbox-core';
import {
  addPlugins,
  cleanupOutdatedCaches,
  createHandlerBoundToURL,
  matchPrecache,
  precacheAndRoute,
} from 'workbox-precaching';
import { NavigationRoute, registerRoute } from 'workbox-routing';
import type { EngineBuild } from '../src/domain/ports.ts';
import type { BuiltFiles } from '../src/pwa/built-files.ts';
import { EngineCache } from '../src/pwa/engine-cache.ts';
import { withIsolation } from '../src/pwa/isolation.ts';
import type { WorkerRequest, WorkerState } from '../src/pwa/messages.ts';
import { isModelDescription, modelDescriptions } from '../src/pwa/model-descriptions.ts';

declare const self: ServiceWorkerGlobalScope;
declare const __BUILT_FILES__: BuiltFiles;

const { version, app, engines } = __BUILT_FILES__;
const { scope } = self.registration;
const engineCache = new EngineCache(engines, scope, caches, (input, init) => fetch(input, init));
const descriptions = modelDescriptions(scope);

setCacheNameDetails({ prefix: 'likeness' });
addPlugins([{ cacheWillUpdate: ({ response }) => Promise.resolve(response.ok ? withIsolation(response) : null) }]);
cleanupOutdatedCaches();
precacheAndRoute([...app]);
// Addresses that end in a file's name mean that file; everything else is the one page.
registerRoute(new NavigationRoute(createHandlerBoundToURL('index.html'), { denylist: [/^[^?]*\.[^/?]*(\?|$)/] }));
registerRoute(({ url }) => isModelDescription(url, scope), descriptions);
registerRoute(
  ({ url }) => engineCache.isEngineFile(url.href),
  async ({ url, request }) => (await engineCache.match(url.href)) ?? fetch(request),
);

self.addEventListener('install', (event) => event.waitUntil(engineCache.bringAlong()));
self.addEventListener('activate', (event) => {
  event.waitUntil(Promise.all([engineCache.removeReplaced(), self.clients.claim()]));
});
self.addEventListener('message', (event) => {
  const request = event.data as WorkerRequest;
  if (request.type === 'SKIP_WAITING') event.waitUntil(self.skipWaiting());
  else event.waitUntil(answer(request, event).then((state) => event.ports[0]?.postMessage(state)));
});

async function answer(request: Exclude<WorkerRequest, { type: 'SKIP_WAITING' }>, event: ExtendableEvent) {
  if (request.type === 'KEEP') {
    const keeping = [engineCache.keep(request.engine), keepDescription(request.description, event)];
    await Promise.allSettled(keeping); // what could not be kept shows in the state
  }
  return stateFor(request.engine);
}

async function keepDescription(address: string, event: ExtendableEvent): Promise<void> {
  if (!isModelDescription(new URL(address), scope)) return;
  const [, kept] = descriptions.handleAll({ request: new Request(address, { cache: 'no-cache' }), event });
  await kept;
}

async function stateFor(engine: EngineBuild | null): Promise<WorkerState> {
  const files = await Promise.all(app.map(({ url }) => matchPrecache(url)));
  return {
    version,
    app: files.every((file) => file !== undefined),
    engine: engine !== null && (await engineCache.has(engine)),
  };
}
