/** One GET of model data, refused unless it can only be what was asked for. */
import { AppError, isAppError } from '../domain/errors.ts';
import { cancelled, type Network } from './network.ts';

export interface FetchOptions {
  readonly network: Network;
  readonly signal: AbortSignal;
  readonly cache: RequestCache;
  /** Bytes `from` up to, not including, `to`. */
  readonly range?: { readonly from: number; readonly to: number };
}

/** An answer whose body is watched: a connection that falls silent rejects instead of hanging. */
export interface OpenAnswer {
  readonly response: Response;
  /** The body in pieces. Throws AppError `download-failed` (broken, stalled), `cancelled`. */
  readonly pieces: () => AsyncGenerator<Uint8Array>;
}

/**
 * Throws AppError `download-failed` (details.url, details.status, details.reason), retryable where another attempt may
 * help, and `cancelled`. details.retryAfterMs is what the server asks to wait.
 */
export async function request(url: string, options: FetchOptions): Promise<OpenAnswer> {
  const { network, signal, range } = options;
  const stalled = new AbortController();
  let timer: ReturnType<typeof setTimeout>;
  const sign = (): void => {
    clearTimeout(timer);
    timer = setTimeout(() => stalled.abort(), network.stallMs);
  };
  const translate = (cause: unknown): AppError => {
    if (signal.aborted) return cancelled();
    if (isAppError(cause)) return cause;
    const reason = stalled.signal.aborted ? 'stalled' : 'unreachable';
    const what = stalled.signal.aborted ? 'sent nothing for too long' : 'could not be reached, or the connection broke';
    return failed(url, `${what}.`, { reason }, { retryable: true, cause });
  };
  if (signal.aborted) throw cancelled();
  sign();
  let response: Response;
  try {
    response = await network.fetch(url, {
      cache: options.cache,
      signal: AbortSignal.any([signal, stalled.signal]),
      ...(range === undefined ? {} : { headers: { range: `bytes=${range.from}-${range.to - 1}` } }),
    });
    refuse(url, response);
  } catch (cause) {
    clearTimeout(timer!);
    throw translate(cause);
  }
  return {
    response,
    async *pieces() {
      const reader = response.body?.getReader();
      try {
        for (;;) {
          sign();
          const { done, value } = (await reader?.read()) ?? { done: true, value: undefined };
          if (done) return;
          yield value;
        }
      } catch (cause) {
        throw translate(cause);
      } finally {
        clearTimeout(timer);
        // Also when the consumer gave up: nothing more is fetched. A stream that failed rejects here once more.
        await reader?.cancel().catch(() => undefined);
      }
    },
  };
}

/** Single-page servers answer unknown paths with a page, hosts with log-in redirect to one. */
function refuse(url: string, response: Response): void {
  const { status, headers } = response;
  const drop = (): void => void response.body?.cancel().catch(() => undefined);
  if (!response.ok) {
    drop();
    const seconds = Number(headers.get('retry-after'));
    const wait = Number.isFinite(seconds) && seconds > 0 ? { retryAfterMs: seconds * 1000 } : {};
    const logIn = status === 401 || status === 403;
    throw failed(
      url,
      logIn ? `asks for a log-in (HTTP status ${status}).` : `answered with HTTP status ${status}.`,
      { status, reason: logIn ? 'log-in' : 'status', ...wait },
      { retryable: status >= 500 || status === 429 || status === 408 },
    );
  }
  if (headers.get('content-type')?.includes('text/html') === true) {
    drop();
    const elsewhere = response.redirected ? ` It was redirected to ${new URL(response.url).host}: a log-in?` : '';
    throw failed(url, `is a web page instead of a model file; check where the model lies.${elsewhere}`, {
      status,
      reason: response.redirected ? 'log-in' : 'web-page',
    });
  }
}

export function failed(
  url: string,
  what: string,
  details: Readonly<Record<string, unknown>>,
  options: { readonly retryable?: boolean; readonly cause?: unknown } = {},
): AppError {
  return new AppError('download-failed', `${url} ${what}`, { ...options, details: { url, ...details } });
}
