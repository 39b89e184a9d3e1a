/** Fetching one file so that only bytes which match the manifest get through. */
import { chunkLength, sha256Hex, type BundleFile } from '../bundle/integrity.ts';
import { AppError, isAppError } from '../domain/errors.ts';

export interface DownloadOptions {
  readonly fetch: typeof globalThis.fetch;
  readonly signal?: AbortSignal | undefined;
}

/**
 * GET, refused unless it is a success and no web page (single-page servers answer unknown paths with one).
 * Throws AppError `download-failed` (details.url, details.status), `cancelled`.
 */
export async function fetchChecked(url: string, cache: RequestCache, options: DownloadOptions): Promise<Response> {
  let response: Response;
  try {
    response = await options.fetch(url, { cache, signal: options.signal ?? null });
  } catch (cause) {
    throw interrupted(url, cause, options.signal);
  }
  const { status } = response;
  if (!response.ok) {
    throw new AppError('download-failed', `${url} answered with HTTP status ${status}.`, {
      retryable: status >= 500 || status === 429,
      details: { url, status },
    });
  }
  if (response.headers.get('content-type')?.includes('text/html') === true) {
    throw new AppError('download-failed', `${url} is a web page instead of a model file; check where the model lies.`, {
      details: { url, status },
    });
  }
  return response;
}

/**
 * Streams a file and hands over each chunk once its SHA-256 is right; at most one chunk is in memory.
 * Throws AppError `integrity` (wrong bytes or length; details.file), `download-failed`, `cancelled`.
 */
export async function downloadFile(
  url: string,
  file: BundleFile,
  onChunk: (key: string, bytes: Uint8Array) => Promise<void>,
  options: DownloadOptions,
): Promise<void> {
  const response = await fetchChecked(url, 'no-store', options);
  let index = 0;
  let chunk = new Uint8Array(Math.max(0, chunkLength(file, 0)));
  let filled = 0;
  let received = 0;
  for await (const part of bodyParts(response, url, options.signal)) {
    received += part.length;
    if (received > file.bytes) throw damaged(file, url, `is longer than the ${file.bytes} bytes expected`);
    for (let used = 0; used < part.length;) {
      const taken = Math.min(part.length - used, chunk.length - filled);
      chunk.set(part.subarray(used, used + taken), filled);
      used += taken;
      filled += taken;
      if (filled < chunk.length) continue;
      const key = file.chunks[index]!;
      if ((await sha256Hex(chunk)) !== key) throw damaged(file, url, `is not the file expected (chunk ${index})`);
      await onChunk(key, chunk);
      index += 1;
      filled = 0;
      chunk = new Uint8Array(Math.max(0, chunkLength(file, index)));
    }
  }
  if (received < file.bytes) throw damaged(file, url, `ended after ${received} of ${file.bytes} bytes`);
}

async function* bodyParts(response: Response, url: string, signal?: AbortSignal): AsyncGenerator<Uint8Array> {
  if (response.body === null) return;
  const reader = response.body.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield value;
    }
  } catch (cause) {
    throw interrupted(url, cause, signal);
  } finally {
    // Also when the consumer gave up: nothing more is fetched. A stream that failed rejects here once more.
    await reader.cancel().catch(() => undefined);
  }
}

function damaged(file: BundleFile, url: string, what: string): AppError {
  return new AppError('integrity', `${url} ${what}; load it again, or rebuild the bundle if it stays.`, {
    retryable: true,
    details: { file: file.path },
  });
}

function interrupted(url: string, cause: unknown, signal: AbortSignal | undefined): AppError {
  if (isAppError(cause)) return cause;
  if (signal?.aborted === true) return new AppError('cancelled', 'Loading was cancelled.', { cause });
  return new AppError('download-failed', `${url} could not be reached, or the connection broke.`, {
    retryable: true,
    details: { url },
    cause,
  });
}
