/** A small valid bundle of arbitrary bytes, and a real HTTP server that serves it (or something worse). */
import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { leastManifest } from '../../fixtures/least-manifest.ts';

const CHUNK_BYTES = 1000;

export const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

export function testBytes(length: number, seed: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => (i * 31 + seed * 17 + (i >> 8)) & 255);
}

/** A manifest whose numbers mean nothing, listing `files` in chunks of 1000 bytes. */
export function testManifest(files: Readonly<Record<string, Uint8Array>>): Record<string, unknown> {
  return {
    ...leastManifest(),
    id: 'served',
    title: 'Served',
    files: Object.entries(files).map(([path, bytes]) => ({
      path,
      bytes: bytes.length,
      sha256: sha256(bytes),
      chunkBytes: CHUNK_BYTES,
      chunks: Array.from({ length: Math.ceil(bytes.length / CHUNK_BYTES) }, (_, i) =>
        sha256(bytes.subarray(i * CHUNK_BYTES, (i + 1) * CHUNK_BYTES)),
      ),
    })),
  };
}

export type Answer = (request: IncomingMessage, response: ServerResponse) => void;

export interface BundleServer {
  readonly baseUrl: string;
  /** Paths asked for since the last `clear`. */
  readonly requests: string[];
  /** Answers by path; anything else is 404. */
  readonly answers: Map<string, Answer>;
  serve(files: Readonly<Record<string, Uint8Array>>): void;
  close(): Promise<void>;
}

export async function startBundleServer(): Promise<BundleServer> {
  const requests: string[] = [];
  const answers = new Map<string, Answer>();
  const server = createServer((request, response) => {
    const path = request.url!.replace(/^\/models\/test\//, '');
    requests.push(path);
    const answer = answers.get(path);
    if (answer === undefined) response.writeHead(404).end('not here');
    else answer(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    baseUrl: `http://127.0.0.1:${port}/models/test/`,
    requests,
    answers,
    serve: (files) => {
      for (const [path, bytes] of Object.entries(files)) answers.set(path, bytesAnswer(bytes));
      answers.set('bundle.json', bytesAnswer(Buffer.from(JSON.stringify(testManifest(files)))));
    },
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

export function bytesAnswer(bytes: Uint8Array): Answer {
  return (_, response) =>
    response.writeHead(200, { 'content-type': 'application/octet-stream', 'content-length': bytes.length }).end(bytes);
}

export function htmlAnswer(): Answer {
  return (_, response) => response.writeHead(200, { 'content-type': 'text/html' }).end('<!doctype html><p>app');
}

/** Announces everything, sends half and drops the connection. */
export function brokenAnswer(bytes: Uint8Array): Answer {
  return (_, response) => {
    response.writeHead(200, { 'content-length': bytes.length });
    response.write(bytes.subarray(0, bytes.length >> 1), () => response.destroy());
  };
}
