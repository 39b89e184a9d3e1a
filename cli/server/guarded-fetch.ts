/**
 * Fetches pictures from public addresses only. Names are resolved here, every address that comes out is checked, and the
 * socket connects to a checked address, so a name that resolves otherwise the next time (DNS rebinding) gains nothing.
 * Each redirect is checked like a first request.
 */
import { lookup as systemLookup, type LookupAddress } from 'node:dns';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { isIP, type LookupFunction } from 'node:net';
import { Readable } from 'node:stream';
import { AppError } from '../../src/domain/errors.ts';
import type { PictureFetch } from '../../src/engine/image-source.ts';
import { isPublicAddress } from './public-address.ts';

const MAX_REDIRECTS = 5;
const REDIRECTS = [301, 302, 303, 307, 308];
const WITHOUT_BODY = [204, 205, 304];

export interface GuardedFetchOptions {
  /** Which resolved addresses may be asked; default: public ones. */
  readonly allow?: (address: string) => boolean;
  /** All addresses of a name; default: the system's resolver. */
  readonly resolve?: (hostname: string) => Promise<readonly LookupAddress[]>;
}

/** Throws AppError `image-unreachable` for forbidden addresses and schemes, and what sockets throw. */
export function guardedFetch(options: GuardedFetchOptions = {}): PictureFetch {
  const { allow = isPublicAddress, resolve = resolveAll } = options;

  return async (first, { signal }) => {
    if (first.protocol === 'data:') return fetch(first, signal ? { signal } : {});
    let url = first;
    for (let hops = 0; hops <= MAX_REDIRECTS; hops++) {
      const message = await get(url, signal ?? undefined);
      const status = message.statusCode ?? 0;
      const { location } = message.headers;
      if (!REDIRECTS.includes(status) || location === undefined) return toResponse(message, status);
      message.destroy();
      if (!URL.canParse(location, url)) throw unreachable(url, 'redirects to something that is no address');
      url = new URL(location, url);
    }
    throw unreachable(first, `redirects more than ${MAX_REDIRECTS} times`);
  };

  async function get(url: URL, signal: AbortSignal | undefined): Promise<IncomingMessage> {
    if (url.protocol !== 'http:' && url.protocol !== 'https:') {
      throw unreachable(url, 'is not fetched by a server; use https:// or data:');
    }
    if (url.username !== '' || url.password !== '') throw unreachable(url, 'may not be asked with a user name');
    // The URL parser has turned decimal, octal, hexadecimal and short forms into dotted ones.
    const literal = url.hostname.replace(/^\[(.*)\]$/, '$1');
    if (isIP(literal) !== 0 && !allow(literal)) throw forbidden(url);
    const request = url.protocol === 'https:' ? httpsRequest : httpRequest;
    return new Promise((done, fail) => {
      request(url, {
        agent: false,
        lookup: checkedLookup(url),
        signal,
        headers: { Accept: 'image/png, image/jpeg, image/webp, image/*;q=0.5', 'Accept-Encoding': 'identity' },
      })
        .on('response', done)
        .on('error', fail)
        .end();
    });
  }

  /** One bad address among several refuses the name: which one a socket takes is not ours to say. */
  function checkedLookup(url: URL): LookupFunction {
    return (hostname, { all }, callback) => {
      resolve(hostname).then(
        (addresses) => {
          const [first] = addresses;
          if (first === undefined || !addresses.every(({ address }) => allow(address))) {
            callback(forbidden(url), '', 4);
          } else if (all === true) callback(null, [...addresses]);
          else callback(null, first.address, first.family);
        },
        (error: unknown) => callback(error as NodeJS.ErrnoException, '', 4),
      );
    };
  }
}

function resolveAll(hostname: string): Promise<LookupAddress[]> {
  return new Promise((done, fail) => {
    systemLookup(hostname, { all: true }, (error, addresses) => {
      if (error) fail(error);
      else done(addresses);
    });
  });
}

function toResponse(message: IncomingMessage, status: number): Response {
  const headers = new Headers();
  for (const name of ['content-type', 'content-length'] as const) {
    const value = message.headers[name];
    if (value !== undefined) headers.set(name, value);
  }
  if (status < 200 || status > 599 || WITHOUT_BODY.includes(status)) {
    message.destroy();
    return new Response(null, { status: status === 304 || status < 200 || status > 599 ? 502 : status });
  }
  return new Response(Readable.toWeb(message) as ReadableStream<Uint8Array<ArrayBuffer>>, { status, headers });
}

function forbidden(url: URL): AppError {
  return unreachable(url, 'is not a public address; this server fetches pictures from the public internet only');
}

function unreachable(url: URL, why: string): AppError {
  const host = url.host === '' ? url.protocol : url.host;
  return new AppError('image-unreachable', `${host} ${why}.`, { details: { host: url.host } });
}
