import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MAX_IMAGE_BYTES } from '../../../src/domain/image-header.ts';
import { readImageSource } from '../../../src/engine/image-source.ts';

let server: Server;
let base: string;

beforeAll(async () => {
  server = createServer((request, response) => {
    switch (request.url) {
      case '/picture':
        return response.setHeader('content-type', 'image/png').end('bytes');
      case '/page':
        return response.setHeader('content-type', 'text/html; charset=utf-8').end('<!doctype html>');
      case '/announced-large':
        return response.writeHead(200, { 'content-length': MAX_IMAGE_BYTES + 1 }).write('x');
      case '/broken':
        response.writeHead(200, { 'content-length': 100 });
        response.write('half');
        return setTimeout(() => response.destroy(), 20);
      case '/slow':
        return undefined;
      default:
        return response.writeHead(404).end();
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

afterAll(() => {
  server.closeAllConnections();
  server.close();
});

const read = (url: string, signal?: AbortSignal): Promise<Blob> => readImageSource({ kind: 'url', url }, signal);

describe('readImageSource', () => {
  it('gives the bytes of an address', async () => {
    const blob = await read(`${base}/picture`);
    expect(await blob.text()).toBe('bytes');
    expect(blob.type).toBe('image/png');
  });

  it('gives the bytes of a data: URL', async () => {
    expect(await (await read('data:image/png;base64,Ynl0ZXM=')).text()).toBe('bytes');
  });

  it.each(['', 'no address', 'ftp://example.test/a.png', 'javascript:alert(1)', '//example.test/a.png'])(
    'refuses %j as an address',
    async (url) => {
      await expect(read(url)).rejects.toMatchObject({ code: 'image-unreachable', details: { badAddress: true } });
    },
  );

  it('tells the status of a server that has no such picture', async () => {
    await expect(read(`${base}/missing`)).rejects.toMatchObject({
      code: 'image-unreachable',
      retryable: false,
      details: { status: 404 },
    });
  });

  it('tells a web page from a picture', async () => {
    await expect(read(`${base}/page`)).rejects.toMatchObject({
      code: 'image-not-an-image',
      details: { webPage: true },
    });
  });

  it('refuses a file that is announced as too large before reading it', async () => {
    await expect(read(`${base}/announced-large`)).rejects.toMatchObject({ code: 'image-too-large' });
  });

  it('tells a connection that broke', async () => {
    await expect(read(`${base}/broken`)).rejects.toMatchObject({ code: 'image-unreachable', retryable: true });
  });

  it('tells a host that cannot be reached', async () => {
    await expect(read('http://127.0.0.1:1/a.png')).rejects.toMatchObject({
      code: 'image-unreachable',
      details: { host: '127.0.0.1:1' },
    });
  });

  it('ends when the task is cancelled', async () => {
    const controller = new AbortController();
    const reading = read(`${base}/slow`, controller.signal);
    controller.abort();
    await expect(reading).rejects.toMatchObject({ code: 'cancelled' });
  });

  it('refuses an empty file and a file that is too large', async () => {
    await expect(readImageSource({ kind: 'blob', blob: new Blob([]) })).rejects.toMatchObject({
      code: 'image-not-an-image',
    });
    const blob = { size: MAX_IMAGE_BYTES + 1 } as Blob;
    await expect(readImageSource({ kind: 'blob', blob })).rejects.toMatchObject({ code: 'image-too-large' });
  });
});
