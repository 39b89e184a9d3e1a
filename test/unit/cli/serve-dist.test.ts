import { mkdtemp, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { serveDist, type StaticServer } from '../../../cli/serve-dist.ts';

let folder: string;
let server: StaticServer;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'likeness-serve-'));
  await mkdir(join(folder, 'site', 'assets'), { recursive: true });
  await writeFile(join(folder, 'secret.txt'), 'secret');
  await writeFile(join(folder, 'site', 'index.html'), '<!doctype html>');
  await writeFile(join(folder, 'site', 'assets', 'engine.wasm'), new Uint8Array(8));
  server = await serveDist(join(folder, 'site'));
});

afterAll(async () => {
  await server.close();
  await rm(folder, { recursive: true });
});

/** fetch() would clean the path; this sends it as it is. */
function rawStatus(path: string): Promise<number> {
  const { hostname, port } = new URL(server.url);
  return new Promise((resolve, reject) => {
    request({ hostname, port, path }, (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    })
      .on('error', reject)
      .end();
  });
}

describe('static server', () => {
  it('serves the page isolated and under a policy that allows wasm but no foreign code', async () => {
    const response = await fetch(server.url);
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe('text/html; charset=utf-8');
    expect(response.headers.get('cross-origin-embedder-policy')).toBe('credentialless');
    expect(response.headers.get('content-security-policy')).toContain("script-src 'self' 'wasm-unsafe-eval'");
    expect(response.headers.get('cache-control')).toBe('no-cache');
    await response.text();
  });
  it('sends what docs/hosting.md tells others to send', async () => {
    const advice = await readFile('docs/hosting.md', 'utf8');
    const { headers } = await fetch(server.url);
    const names = [...advice.matchAll(/^ {2}([A-Z][\w-]+): (.+)$/gm)];
    expect(names.length).toBeGreaterThan(5);
    for (const [, name, value] of names.filter(([, found]) => found !== 'Cache-Control')) {
      expect([name, headers.get(name!)]).toEqual([name, value]);
    }
  });
  it('marks hashed assets immutable and wasm as wasm', async () => {
    const response = await fetch(new URL('assets/engine.wasm', server.url));
    expect(response.headers.get('content-type')).toBe('application/wasm');
    expect(response.headers.get('cache-control')).toContain('immutable');
    expect((await response.arrayBuffer()).byteLength).toBe(8);
  });
  it.each(['/../secret.txt', '/%2e%2e/secret.txt', '/..%2fsecret.txt', '/missing', '/assets', '/%zz'])(
    '%s is 404',
    async (path) => {
      expect(await rawStatus(path)).toBe(404);
    },
  );
  it.each([
    ['bytes=2-4', 206, 'bytes 2-4/8', 3],
    ['bytes=6-', 206, 'bytes 6-7/8', 2],
    ['bytes=6-99', 206, 'bytes 6-7/8', 2],
    ['bytes=8-9', 416, 'bytes */8', 20],
    ['bytes=4-2', 200, null, 8],
    ['bytes=0-1,4-5', 200, null, 8],
  ])('answers the range %s with %i', async (range, status, contentRange, length) => {
    const response = await fetch(new URL('assets/engine.wasm', server.url), { headers: { range } });
    expect(response.status).toBe(status);
    expect(response.headers.get('content-range')).toBe(contentRange);
    expect((await response.arrayBuffer()).byteLength).toBe(length);
  });
  it('answers only reads', async () => {
    const response = await fetch(server.url, { method: 'POST', body: 'x' });
    expect(response.status).toBe(405);
    await response.text();
  });
});
