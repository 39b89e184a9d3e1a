/** A static server on loopback for the built product, with the headers that it is meant to be hosted with. */
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, resolve, sep } from 'node:path';
import { ISOLATION_HEADERS } from '../src/pwa/isolation.ts';

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.mjs': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json; charset=utf-8',
  '.webmanifest': 'application/manifest+json; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.jpg': 'image/jpeg',
  '.webp': 'image/webp',
  '.ico': 'image/x-icon',
  '.wasm': 'application/wasm',
  '.txt': 'text/plain; charset=utf-8',
};

/** Image hosts are the person's choice, so connect-src is open; code only ever comes from the own origin. */
const CONTENT_SECURITY_POLICY = [
  "default-src 'self'",
  "script-src 'self' 'wasm-unsafe-eval'",
  "worker-src 'self'",
  "style-src 'self'",
  "img-src 'self' blob: data:",
  "connect-src 'self' https: http://localhost:* http://127.0.0.1:* data: blob:",
  "frame-ancestors 'none'",
  "base-uri 'self'",
].join('; ');

const SECURITY_HEADERS = {
  'Content-Security-Policy': CONTENT_SECURITY_POLICY,
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'no-referrer',
};

export interface ServeOptions {
  /** Told the path of every request. */
  readonly onRequest?: (path: string) => void;
  /** False: like a host that cannot send the headers of cross-origin isolation. */
  readonly isolated?: boolean;
}

export interface StaticServer {
  /** e.g. http://127.0.0.1:4173/ */
  readonly url: string;
  close(): Promise<void>;
}

/** Serves `root` on 127.0.0.1; port 0 takes a free one. Rejects when the port is taken. */
export async function serveDist(root: string, port = 0, options: ServeOptions = {}): Promise<StaticServer> {
  const base = resolve(root);
  const server = createServer((request, response) => {
    if (options.isolated !== false) response.setHeaders(new Map(Object.entries(ISOLATION_HEADERS)));
    options.onRequest?.(request.url ?? '');
    answer(base, request, response).catch(() => response.destroy());
  });
  await new Promise<void>((done, fail) => {
    server.once('error', fail);
    server.listen(port, '127.0.0.1', done);
  });
  const { port: actual } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${actual}/`,
    close: () =>
      new Promise((done) => {
        server.close(() => done());
        server.closeAllConnections();
      }),
  };
}

async function answer(base: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    end(response, 405, 'Only GET and HEAD.');
    return;
  }
  const path = decodedPath(request.url ?? '/');
  const file = path === null ? null : resolve(base, `.${path.endsWith('/') ? `${path}index.html` : path}`);
  if (file === null || !file.startsWith(base + sep)) {
    end(response, 404, 'Not found.');
    return;
  }
  const found = await stat(file).catch(() => null);
  if (!found?.isFile()) {
    end(response, 404, 'Not found.');
    return;
  }
  const range = readRange(request.headers.range, found.size);
  if (range === 'outside') {
    response.setHeader('Content-Range', `bytes */${found.size}`);
    end(response, 416, 'The file is shorter.');
    return;
  }
  response.writeHead(range === null ? 200 : 206, {
    ...SECURITY_HEADERS,
    'Content-Type': TYPES[extname(file)] ?? 'application/octet-stream',
    'Content-Length': range === null ? found.size : range.end - range.start + 1,
    'Accept-Ranges': 'bytes',
    ...(range === null ? {} : { 'Content-Range': `bytes ${range.start}-${range.end}/${found.size}` }),
    // Names under assets/ carry a content hash.
    'Cache-Control': path?.includes('/assets/') ? 'public, max-age=31536000, immutable' : 'no-cache',
  });
  if (request.method === 'HEAD') {
    response.end();
    return;
  }
  createReadStream(file, range ?? {})
    .on('error', () => response.destroy())
    .pipe(response);
}

/** One range with a beginning, as models are asked for (`end` inclusive); null for all others, which get the whole file. */
function readRange(
  header: string | undefined,
  size: number,
): { readonly start: number; readonly end: number } | 'outside' | null {
  const found = /^bytes=(\d+)-(\d*)$/.exec(header ?? '');
  if (found === null) return null;
  const start = Number(found[1]);
  const end = found[2] === '' ? size - 1 : Math.min(Number(found[2]), size - 1);
  if (start >= size) return 'outside';
  return start > end ? null : { start, end };
}

function decodedPath(url: string): string | null {
  try {
    return decodeURIComponent(new URL(url, 'http://localhost').pathname);
  } catch {
    return null;
  }
}

function end(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { ...SECURITY_HEADERS, 'Content-Type': 'text/plain; charset=utf-8' }).end(text);
}
