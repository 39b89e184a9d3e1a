/** What a request has to be before anything is done for it. Each guard throws HttpRefusal or AppError. */
import { AppError } from '../domain/errors.ts';
import { HttpRefusal } from './api-error.ts';
import type { Idempotency } from './task-desk.ts';

/**
 * Only this origin's own pages and the allowed ones may call. Browsers say where a call comes from; programs say nothing
 * and are let in. A navigation (a form, a link, an address typed) is never a call.
 */
export function guardOrigin(request: Request, ownOrigin: string, allowed: readonly string[], readOnly: boolean): void {
  const origin = request.headers.get('Origin');
  if (origin !== null && origin !== ownOrigin && !allowed.includes(origin)) {
    throw new HttpRefusal(403, 'Authorization Error', 'Pages of other sites may not call this server.');
  }
  const site = request.headers.get('Sec-Fetch-Site') ?? 'none';
  const foreign = origin === null && (site === 'cross-site' || site === 'same-site');
  const navigates = request.mode === 'navigate' || request.headers.get('Sec-Fetch-Mode') === 'navigate';
  if (!readOnly && (foreign || navigates)) {
    throw new HttpRefusal(403, 'Authorization Error', 'Forms and links may not call this API; use fetch with JSON.');
  }
}

export function guardMethod(request: Request, allowed: readonly string[]): void {
  if (allowed.includes(request.method)) return;
  throw new HttpRefusal(405, 'Input Validation Error', `This path answers ${allowed.join(' and ')} only.`, {
    Allow: [...allowed, 'OPTIONS'].join(', '),
  });
}

/** The JSON of a body. Throws `invalid-request`, `payload-too-large`, and 415 for other content types. */
export async function readJson(request: Request, maxBytes: number): Promise<{ json: unknown; text: string }> {
  const [type] = (request.headers.get('Content-Type') ?? '').split(';');
  if (type!.trim().toLowerCase() !== 'application/json') {
    throw new HttpRefusal(415, 'Input Validation Error', 'The Content-Type must be application/json.');
  }
  const text = await readText(request, maxBytes);
  try {
    return { json: JSON.parse(text) as unknown, text };
  } catch (cause) {
    throw new AppError('invalid-request', 'The body is not JSON.', { cause });
  }
}

async function readText(request: Request, maxBytes: number): Promise<string> {
  const tooLarge = new AppError('payload-too-large', `The body may have ${maxBytes} bytes at most.`);
  if (Number(request.headers.get('Content-Length') ?? 0) > maxBytes) throw tooLarge;
  const parts: Uint8Array<ArrayBuffer>[] = [];
  let received = 0;
  const reader = request.body?.getReader();
  for (let piece = await reader?.read(); piece?.done === false; piece = await reader?.read()) {
    received += piece.value.byteLength;
    if (received > maxBytes) {
      await reader?.cancel();
      throw tooLarge;
    }
    parts.push(piece.value);
  }
  return new Blob(parts).text();
}

/** The client's `Idempotency-Key` with what it stands for; null without one. */
export async function readIdempotency(request: Request, body: string): Promise<Idempotency | null> {
  const key = request.headers.get('Idempotency-Key');
  if (key === null) return null;
  if (!/^[\x21-\x7e]{1,255}$/.test(key)) {
    throw new AppError('invalid-request', 'Idempotency-Key must be 1 to 255 visible ASCII characters.');
  }
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(body)));
  return { key, fingerprint: Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('') };
}
