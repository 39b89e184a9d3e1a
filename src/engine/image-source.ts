import { AppError, isAppError } from '../domain/errors.ts';
import { MAX_IMAGE_BYTES } from '../domain/image-header.ts';
import type { ImageSource } from '../domain/request.ts';

const TIMEOUT_MS = 30_000;
/** Fetched also without encryption. */
const LOOPBACK = ['localhost', '127.0.0.1'];
const PROTOCOLS = ['http:', 'https:', 'data:', 'blob:'];

/** `fetch`, or what stands for it where not every address may be asked. Its AppErrors are passed on. */
export type PictureFetch = (url: URL, init: RequestInit) => Promise<Response>;

const plainFetch: PictureFetch = (url, init) => fetch(url, init);

/**
 * The bytes of a reference picture. Throws AppError: `image-unreachable` (bad address, no answer, HTTP error),
 * `image-cors-blocked` (the server answers, but forbids pages to read), `image-not-an-image` (a web page),
 * `image-too-large` (bytes), `cancelled`.
 */
export async function readImageSource(
  source: ImageSource,
  signal?: AbortSignal,
  fetchPicture: PictureFetch = plainFetch,
): Promise<Blob> {
  if (source.kind === 'blob') {
    if (source.blob.size > MAX_IMAGE_BYTES) throw tooLarge(source.blob.size);
    if (source.blob.size === 0) throw new AppError('image-not-an-image', 'The file is empty.');
    return source.blob;
  }
  const url = parseUrl(source.url);
  const response = await reach(url, signal, fetchPicture);
  if (!response.ok) {
    throw new AppError('image-unreachable', `The server answered ${response.status} for the picture's address.`, {
      retryable: response.status >= 500,
      details: { status: response.status, host: url.host },
    });
  }
  const type = response.headers.get('content-type') ?? '';
  if (type.includes('text/html')) {
    await response.body?.cancel();
    throw new AppError('image-not-an-image', 'The address leads to a web page, not to a picture.', {
      details: { webPage: true },
    });
  }
  return readLimited(response, type, url, signal);
}

function parseUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || !PROTOCOLS.includes(url.protocol)) {
    throw new AppError('image-unreachable', 'The picture needs a full address that begins with https://.', {
      details: { badAddress: true },
    });
  }
  return url;
}

async function reach(url: URL, signal: AbortSignal | undefined, get: PictureFetch): Promise<Response> {
  const limit = AbortSignal.timeout(TIMEOUT_MS);
  const either = signal === undefined ? limit : AbortSignal.any([signal, limit]);
  try {
    return await get(url, { credentials: 'omit', signal: either });
  } catch (cause) {
    if (isAppError(cause)) throw cause;
    if (signal?.aborted === true) throw new AppError('cancelled', 'Cancelled while the picture was fetched.');
    if (!limit.aborted && (await answersOpaquely(url, either, get))) {
      throw new AppError('image-cors-blocked', `${url.host} does not let pages read its pictures (CORS).`, {
        details: { host: url.host },
      });
    }
    throw new AppError('image-unreachable', `${url.host} cannot be reached.`, {
      retryable: true,
      cause,
      details: {
        host: url.host,
        timedOut: limit.aborted,
        insecure: url.protocol === 'http:' && !LOOPBACK.includes(url.hostname),
      },
    });
  }
}

/** A request that may not be read succeeds wherever the server answers at all: then it was CORS that refused. */
async function answersOpaquely(url: URL, signal: AbortSignal, get: PictureFetch): Promise<boolean> {
  if (url.protocol !== 'http:' && url.protocol !== 'https:') return false;
  try {
    await get(url, { mode: 'no-cors', credentials: 'omit', signal });
    return true;
  } catch {
    return false;
  }
}

async function readLimited(response: Response, type: string, url: URL, signal: AbortSignal | undefined): Promise<Blob> {
  const announced = Number(response.headers.get('content-length') ?? 0);
  if (announced > MAX_IMAGE_BYTES) {
    await response.body?.cancel();
    throw tooLarge(announced);
  }
  const parts: Uint8Array<ArrayBuffer>[] = [];
  let received = 0;
  try {
    for (const reader = response.body?.getReader(); ;) {
      const piece = await reader?.read();
      if (piece === undefined || piece.done) break;
      received += piece.value.byteLength;
      if (received > MAX_IMAGE_BYTES) {
        await reader?.cancel();
        throw tooLarge(received);
      }
      parts.push(piece.value);
    }
  } catch (cause) {
    if (cause instanceof AppError) throw cause;
    if (signal?.aborted === true) throw new AppError('cancelled', 'Cancelled while the picture was fetched.');
    throw new AppError('image-unreachable', `The connection to ${url.host} broke while the picture was read.`, {
      retryable: true,
      cause,
      details: { host: url.host },
    });
  }
  return new Blob(parts, { type });
}

/** Refused before the rest is read. */
function tooLarge(bytes: number): AppError {
  const [found, limit] = [bytes, MAX_IMAGE_BYTES].map((count) => Math.ceil(count / 2 ** 20));
  return new AppError('image-too-large', `The picture file has ${found!} MB or more; the limit is ${limit!} MB.`, {
    details: { bytes, maxBytes: MAX_IMAGE_BYTES },
  });
}
