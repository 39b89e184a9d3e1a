/**
 * Cross-origin isolation gives the wasm backend its threads. `credentialless` rather than `require-corp`: under the
 * latter a page cannot tell a server that forbids reading (CORS) from one that does not answer. Browsers that know
 * only `require-corp` are not isolated and compute with one thread.
 */
export const ISOLATION_HEADERS = {
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'credentialless',
};

/**
 * For hosts that cannot send the headers: the response with what it lacks of them; the host's own values stay. Done as
 * files are put into the cache. The first visit is not isolated and computes with one thread; the next one is. Nothing
 * is reloaded for it, so nothing can reload for ever.
 */
export function withIsolation(response: Response): Response {
  const missing = Object.entries(ISOLATION_HEADERS).filter(([name]) => !response.headers.has(name));
  if (missing.length === 0) return response;
  const headers = new Headers(response.headers);
  for (const [name, value] of missing) headers.set(name, value);
  return new Response(response.body, { status: response.status, statusText: response.statusText, headers });
}
