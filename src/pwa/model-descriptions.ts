/**
 * `bundle.json` and `catalog.json` say which models there are; the newest is asked for and the last one known serves
 * when the network does not. Everything else of a model is the model store's: the service worker lets it pass.
 */
import { NetworkFirst } from 'workbox-strategies';

const DESCRIPTION = /^models\/(?:[^/]+\/)?(?:bundle|catalog)\.json$/;
/** A network that accepts and never answers counts as none. */
const ANSWER_WITHIN_SECONDS = 5;

export function isModelDescription(url: URL, scope: string): boolean {
  const address = url.origin + url.pathname;
  return address.startsWith(scope) && DESCRIPTION.test(address.slice(scope.length));
}

export function modelDescriptions(scope: string): NetworkFirst {
  return new NetworkFirst({
    cacheName: `likeness-model-descriptions-${scope}`,
    networkTimeoutSeconds: ANSWER_WITHIN_SECONDS,
    plugins: [
      {
        // A log-in page of some network must not become the model's description.
        cacheWillUpdate: ({ response }) =>
          Promise.resolve(response.ok && isJson(response.headers.get('content-type')) ? response : null),
      },
    ],
  });
}

function isJson(contentType: string | null): boolean {
  return contentType?.startsWith('application/json') === true;
}
