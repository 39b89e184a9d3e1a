/** A file on a server that answers HTTP byte ranges (RFC 9110 §14), read piece by piece. */
import { AppError, isAppError } from '../domain/errors.ts';
import { requireInside, type RandomAccess } from './random-access.ts';

export interface HttpAccessOptions {
  readonly fetch?: typeof globalThis.fetch;
  /** Ends the reading that is under way and refuses more with AppError `cancelled`. */
  readonly signal?: AbortSignal;
  /** Name for messages; default: the address without its query, which may hold a token. */
  readonly name?: string;
}

interface Piece {
  readonly bytes: Uint8Array;
  readonly total: number;
  readonly etag: string | null;
}

/**
 * Asks for the first byte, which tells the size. Every answer must be the piece that was asked for, unencoded and of the
 * same file: a server that sends the whole file, a page or another version instead is told, never read on.
 * Nothing is tried twice; `retryable` says where that is worth it.
 * Throws AppError `download-failed` (details.url, details.status), `cancelled`.
 */
export async function openHttpAccess(url: string, options: HttpAccessOptions = {}): Promise<RandomAccess> {
  const name = options.name ?? withoutQuery(url);
  const { total, etag } = await fetchPiece(url, name, 0, 1, options);
  return {
    name,
    size: total,
    read: async (offset, length) => {
      requireInside(name, total, offset, length);
      if (length === 0) return new Uint8Array(0);
      const piece = await fetchPiece(url, name, offset, length, options);
      if (piece.total !== total || (etag !== null && piece.etag !== null && piece.etag !== etag)) {
        throw failed(name, 'was replaced by another version while it was read; begin again');
      }
      return piece.bytes;
    },
  };
}

async function fetchPiece(
  url: string,
  name: string,
  offset: number,
  length: number,
  { fetch = globalThis.fetch, signal }: HttpAccessOptions,
): Promise<Piece> {
  const end = offset + length - 1;
  try {
    // "no-store": a browser's cache may answer a range out of an older version of the file.
    const headers = { Range: `bytes=${offset}-${end}` };
    const response = await fetch(url, { headers, cache: 'no-store', signal: signal ?? null });
    try {
      const total = checkAnswer(response, name, offset, end);
      return { bytes: await readBody(response, name, length), total, etag: response.headers.get('etag') };
    } catch (error) {
      // What is not wanted is not fetched either. A body that failed or was read rejects here once more.
      await response.body?.cancel().catch(() => undefined);
      throw error;
    }
  } catch (cause) {
    if (isAppError(cause)) throw cause;
    if (signal?.aborted === true) throw new AppError('cancelled', 'Reading was cancelled.', { cause });
    throw failed(name, 'could not be reached, or the connection broke', { retryable: true, cause });
  }
}

/** The file's size, when the answer is the piece asked for. */
function checkAnswer({ status, headers }: Response, name: string, offset: number, end: number): number {
  if (status === 200) {
    throw failed(
      name,
      'lies on a server that ignores byte ranges; download it and choose the file, or use another server',
      { status },
    );
  }
  if (status !== 206) {
    const what =
      status === 416 ? 'is empty, or became shorter while it was read' : `answered with HTTP status ${status}`;
    throw failed(name, what, { status, retryable: status >= 500 || status === 429 });
  }
  if (headers.get('content-type')?.includes('text/html') === true) {
    throw failed(name, 'is a web page instead of a file; check the address', { status });
  }
  const encoding = headers.get('content-encoding') ?? 'identity';
  if (encoding !== 'identity')
    throw failed(name, `arrives encoded (${encoding}), so its ranges mean nothing`, { status });
  const range = headers.get('content-range');
  if (range === null) throw failed(name, 'does not tell which bytes it sent (Content-Range is missing or not exposed)');
  const [, first, last, total] = /^bytes (\d{1,15})-(\d{1,15})\/(\d{1,15})$/.exec(range) ?? [];
  if (Number(first) !== offset || Number(last) !== end || !(Number(total) > end)) {
    throw failed(name, `sent "${range}" where bytes ${offset}-${end} were asked for`, { status });
  }
  return Number(total);
}

/** At most `length` bytes are kept, however much is sent. */
async function readBody(response: Response, name: string, length: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(length);
  let filled = 0;
  const reader = response.body?.getReader();
  while (reader !== undefined) {
    const { done, value } = await reader.read();
    if (done) break;
    if (filled + value.length > length) {
      await reader.cancel().catch(() => undefined);
      throw failed(name, `sent more than the ${length} bytes asked for`);
    }
    bytes.set(value, filled);
    filled += value.length;
  }
  if (filled < length) throw failed(name, `sent ${filled} of the ${length} bytes asked for`, { retryable: true });
  return bytes;
}

interface FailureOptions {
  readonly retryable?: boolean;
  readonly status?: number;
  readonly cause?: unknown;
}

function failed(name: string, what: string, { retryable = false, status, cause }: FailureOptions = {}): AppError {
  return new AppError('download-failed', `${name} ${what}.`, {
    retryable,
    details: { url: name, ...(status !== undefined && { status }) },
    ...(cause !== undefined && { cause }),
  });
}

function withoutQuery(url: string): string {
  return url.replace(/[?#].*$/s, '');
}
