/**
 * Cross-origin isolation, which gives the wasm backend its threads, on hosts that cannot send the headers: responses
 * get them as they are put into the cache. The first visit is not isolated and computes with one thread; the next one
 * is. Nothing is reloaded for it, so nothing can reload for ever.
 */
const ISOLATION = {
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'credentialless',
};

/** The response with what it lacks of the two headers; the host's own values stay. */
export function withIsolation(response: Response): Response {
  const missing = Object.entries(ISOLATION).filter(([name]) => !response.headers.has(name));
  if (missing.length === 0) return response;
  const headers = new Headers(response.headers);
  for (const [name, value] of missing) headers.set(name, value);
  return new Response(response.body, { status: response.status, statusText: response.statusText, headers });
}
