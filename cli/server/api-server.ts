/** Node's HTTP around the API's handler: web requests in, web responses out, and the limits of sockets. */
import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { HttpRefusal } from '../../src/api/api-error.ts';
import { refusalEnvelope } from '../../src/api/envelope.ts';
import { createHttpApi } from '../../src/api/http-api.ts';
import type { TaskDesk } from '../../src/api/task-desk.ts';
import { randomSeed } from '../../src/domain/seeds.ts';
import { createAdmission, isOwnHost } from './admission.ts';

export interface ApiServerOptions {
  readonly desk: TaskDesk;
  /** Address to listen on; loopback unless a token is set. */
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  readonly token: string | null;
  readonly allowedOrigins: readonly string[];
  /** How the server is reached from outside, e.g. behind a proxy; null = as the request's Host says. */
  readonly publicUrl: URL | null;
  readonly requestsPerMinute?: number;
  readonly maxBodyBytes?: number;
  readonly syncLimitMs?: number;
  readonly log?: (line: string) => void;
}

export interface ApiServer {
  /** e.g. http://127.0.0.1:8787/ */
  readonly url: string;
  readonly port: number;
  /** Takes no more connections, lets answers that are due go out, then ends. */
  close(): Promise<void>;
}

const MAX_BODY_BYTES = 48 * 2 ** 20;
const SYNC_LIMIT_MS = 10 * 60_000;
const REQUESTS_PER_MINUTE = 600;
const MAX_CONNECTIONS = 256;
/** For headers and body together. */
const REQUEST_TIMEOUT_MS = 60_000;
/** After an early answer the rest of the body is read this long, so that the client sees the answer and not a reset. */
const LINGER_MS = 500;
const CLOSE_LIMIT_MS = 5_000;

/** Rejects when the port is taken. */
export async function startApiServer(options: ApiServerOptions): Promise<ApiServer> {
  const { desk, token, publicUrl, allowedOrigins, log = () => undefined } = options;
  const admission = createAdmission({ token, requestsPerMinute: options.requestsPerMinute ?? REQUESTS_PER_MINUTE });
  const ownNames = [options.host, ...(publicUrl ? [publicUrl.hostname] : [])];
  const addresses = new WeakMap<Request, string>();
  const api = createHttpApi({
    desk,
    base: (request) => publicUrl ?? new URL('/', request.url),
    randomSeed,
    newTaskId: randomUUID,
    allowedOrigins,
    syncLimitMs: options.syncLimitMs ?? SYNC_LIMIT_MS,
    maxBodyBytes: options.maxBodyBytes ?? MAX_BODY_BYTES,
    // A picture's address is its own key (122 random bits), as with the hosted API: pages show it without a token.
    admit: (request, route) =>
      admission.admit(addresses.get(request)!, request.headers.get('Authorization'), route?.name !== 'picture'),
    onInternalError: (error) => log(error instanceof Error ? (error.stack ?? error.message) : String(error)),
  });

  const server = createServer((incoming, outgoing) => {
    answer(incoming)
      .then((response) => send(response, incoming, outgoing))
      .catch(() => outgoing.destroy());
  });
  server.maxConnections = MAX_CONNECTIONS;
  server.requestTimeout = REQUEST_TIMEOUT_MS;
  server.headersTimeout = REQUEST_TIMEOUT_MS / 2;

  async function answer(incoming: IncomingMessage): Promise<Response> {
    if (!isOwnHost(incoming.headers.host, ownNames)) {
      return refuse(new HttpRefusal(403, 'Authorization Error', 'The Host header names another server.'));
    }
    let request: Request;
    try {
      request = toRequest(incoming, publicUrl);
    } catch {
      // Methods and paths that the web's Request does not know, e.g. TRACE.
      return refuse(new HttpRefusal(405, 'Input Validation Error', 'This method or path is not answered.'));
    }
    addresses.set(request, incoming.socket.remoteAddress ?? '');
    return api(request);
  }

  await new Promise<void>((done, fail) => {
    server.once('error', fail);
    server.listen(options.port, options.host, done);
  });
  const { address, family, port } = server.address() as AddressInfo;
  const ownUrl = `http://${family === 'IPv6' ? `[${address}]` : address}:${port}/`;
  return { url: publicUrl?.href ?? ownUrl, port, close: () => closeGently(server) };
}

function refuse(refusal: HttpRefusal): Response {
  return Response.json(refusalEnvelope(refusal), { status: refusal.httpStatus });
}

function toRequest(incoming: IncomingMessage, publicUrl: URL | null): Request {
  const method = incoming.method ?? 'GET';
  const base = publicUrl ?? new URL(`http://${incoming.headers.host!}/`);
  const path = (incoming.url ?? '/').replace(/^\/+/, '');
  const headers = new Headers();
  for (let i = 0; i + 1 < incoming.rawHeaders.length; i += 2) {
    headers.append(incoming.rawHeaders[i]!, incoming.rawHeaders[i + 1]!);
  }
  const hasBody = method !== 'GET' && method !== 'HEAD';
  const init = { method, headers, ...(hasBody && { body: bodyOf(incoming), duplex: 'half' }) };
  return new Request(new URL(path, base), init);
}

/** Read as far as it is asked for; what is left unread when the answer goes out is dealt with there. */
function bodyOf(incoming: IncomingMessage): ReadableStream<Uint8Array> {
  const pieces = incoming.iterator({ destroyOnReturn: false }) as AsyncIterator<Buffer>;
  return new ReadableStream({
    async pull(controller) {
      const piece = await pieces.next();
      if (piece.done === true) controller.close();
      else controller.enqueue(Uint8Array.from(piece.value));
    },
  });
}

async function send(response: Response, incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
  outgoing.setHeaders(response.headers);
  outgoing.statusCode = response.status;
  if (!incoming.complete) {
    outgoing.setHeader('Connection', 'close');
    outgoing.once('finish', () => {
      incoming.on('error', () => undefined).resume();
      setTimeout(() => incoming.destroy(), LINGER_MS).unref();
    });
  }
  if (response.body === null) outgoing.end();
  else await pipeline(Readable.fromWeb(response.body as Parameters<typeof Readable.fromWeb>[0]), outgoing);
}

async function closeGently(server: Server): Promise<void> {
  const closed = new Promise<void>((done) => server.close(() => done()));
  server.closeIdleConnections();
  const timer = setTimeout(() => server.closeAllConnections(), CLOSE_LIMIT_MS);
  await closed;
  clearTimeout(timer);
}
