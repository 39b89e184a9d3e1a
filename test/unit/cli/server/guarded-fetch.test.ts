import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { guardedFetch } from '../../../../cli/server/guarded-fetch.ts';
import { isLoopback, isPublicAddress } from '../../../../cli/server/public-address.ts';
import { readImageSource } from '../../../../src/engine/image-source.ts';

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

/** A server on loopback; the port and what it was asked. */
async function listen(listener: RequestListener): Promise<{ port: number; asked: string[] }> {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(`${request.headers.host}${request.url}`);
    listener(request, response);
  });
  servers.push(server);
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  return { port: (server.address() as AddressInfo).port, asked };
}

const LOOPBACK = [{ address: '127.0.0.1', family: 4 }];
/** Names resolve to loopback, and loopback is let through under these names only. */
const stage = guardedFetch({ allow: (address) => address === '127.0.0.1', resolve: () => Promise.resolve(LOOPBACK) });
const read = (url: string, fetcher = guardedFetch()) => readImageSource({ kind: 'url', url }, undefined, fetcher);

describe('public addresses', () => {
  it.each([
    ...['8.8.8.8', '1.1.1.1', '93.184.216.34', '172.15.0.1', '172.32.0.1', '192.167.1.1', '100.63.0.1', '100.128.0.1'],
    ...['2606:4700:4700::1111', '2a00:1450::1', '::ffff:8.8.8.8'],
  ])('%s', (address) => {
    expect(isPublicAddress(address)).toBe(true);
  });

  it.each([
    ...[
      '127.0.0.1',
      '127.255.255.254',
      '0.0.0.0',
      '0.1.2.3',
      '10.0.0.1',
      '172.16.0.1',
      '172.31.255.255',
      '192.168.0.1',
    ],
    ...['169.254.169.254', '100.64.0.1', '192.0.0.1', '192.0.2.1', '198.18.0.1', '198.51.100.1', '203.0.113.1'],
    ...['224.0.0.1', '240.0.0.1', '255.255.255.255'],
    ...['::', '::1', 'fe80::1', 'fe80::1%eth0', 'fc00::1', 'fd12::1', 'ff02::1', '2001:db8::1', 'fec0::1'],
    ...['::ffff:127.0.0.1', '::ffff:10.0.0.1', '::ffff:7f00:1', '::127.0.0.1', '64:ff9b::7f00:1', '64:ff9b:1::1'],
    ...['2002:7f00:1::', '2001:0:1::1', '100::1', 'localhost', '', '1.2.3', 'x'],
  ])('not %s', (address) => {
    expect(isPublicAddress(address)).toBe(false);
  });

  it('loopback', () => {
    for (const host of ['127.0.0.1', '127.9.9.9', '::1', 'localhost', '::ffff:127.0.0.1']) {
      expect(isLoopback(host)).toBe(true);
    }
    for (const host of ['0.0.0.0', '::', '192.168.0.1', 'example.org']) expect(isLoopback(host)).toBe(false);
  });
});

describe('addresses that are not asked', () => {
  it('every way to write a private one', async () => {
    const { port, asked } = await listen((_, response) => response.end('secret'));
    const hosts = [
      ...['127.0.0.1', '127.1', '2130706433', '0x7f000001', '0x7f.0.0.1', '0177.0.0.1', '017700000001', '127.0.0.1.'],
      ...['localhost', 'LOCALHOST', 'localhost.', '0', '0.0.0.0', '１２７.０.０.１', '127。0。0。1', '%31%32%37.0.0.1'],
      ...['[::1]', '[::]', '[::ffff:127.0.0.1]', '[::ffff:7f00:1]', '[::127.0.0.1]', '[0:0:0:0:0:0:0:1]'],
      ...['10.0.0.1', '192.168.1.1', '172.16.0.1', '169.254.169.254', '[fe80::1]', '[fd00::1]'],
    ];
    for (const host of hosts) {
      const error = await read(`http://${host}:${port}/`).catch((thrown: unknown) => thrown);
      expect([host, error]).toEqual([host, expect.objectContaining({ code: 'image-unreachable' })]);
      // Not every resolver knows the name with a dot.
      if (host !== 'localhost.') expect((error as Error).message).toContain('is not a public address');
    }
    expect(asked).toEqual([]);
  });

  it('a name that resolves to a private address, also beside a public one', async () => {
    const { port, asked } = await listen((_, response) => response.end());
    for (const addresses of [LOOPBACK, [{ address: '8.8.8.8', family: 4 }, ...LOOPBACK], []]) {
      const fetcher = guardedFetch({ resolve: () => Promise.resolve(addresses) });
      await expect(read(`http://rebind.test:${port}/`, fetcher)).rejects.toThrow('is not a public address');
    }
    expect(asked).toEqual([]);
  });

  it('a redirect to one, and to other schemes', async () => {
    for (const location of ['http://192.168.0.1/', 'http://[::1]/', 'file:///etc/passwd', 'ftp://a.test/', 'data:,x']) {
      const { port } = await listen((_, response) => response.writeHead(302, { Location: location }).end());
      await expect(read(`http://pictures.test:${port}/`, stage)).rejects.toMatchObject({ code: 'image-unreachable' });
    }
  });

  it('a name that resolves to another address after a redirect', async () => {
    const { port, asked } = await listen((_, response) => response.writeHead(302, { Location: '/again' }).end());
    let times = 0;
    const fetcher = guardedFetch({
      allow: (address) => address === '127.0.0.1',
      resolve: () => Promise.resolve(times++ === 0 ? LOOPBACK : [{ address: '10.0.0.1', family: 4 }]),
    });
    await expect(read(`http://pictures.test:${port}/`, fetcher)).rejects.toThrow('is not a public address');
    expect(asked).toEqual([`pictures.test:${port}/`]);
  });

  it.each(['blob:https://a.test/1', 'http://user:secret@a.test/'])('%s', async (url) => {
    const error = (await read(url, stage).catch((thrown: unknown) => thrown)) as Error;
    expect(error).toMatchObject({ code: 'image-unreachable' });
    expect(error.message).not.toContain('secret');
  });
});

describe('addresses that are', () => {
  it('gives the file, through redirects', async () => {
    const { port, asked } = await listen((request, response) => {
      if (request.url === '/a') response.writeHead(302, { Location: '/b' }).end();
      else response.writeHead(200, { 'Content-Type': 'image/png' }).end('picture');
    });
    const file = await read(`http://pictures.test:${port}/a`, stage);
    expect([await file.text(), file.type]).toEqual(['picture', 'image/png']);
    expect(asked).toHaveLength(2);
    expect(await (await read('data:image/png;base64,AAAA', stage)).arrayBuffer()).toHaveProperty('byteLength', 3);
  });

  it('ends with redirects that do not', async () => {
    const { port, asked } = await listen((_, response) => response.writeHead(301, { Location: '/' }).end());
    await expect(read(`http://pictures.test:${port}/`, stage)).rejects.toThrow('redirects more than 5 times');
    expect(asked).toHaveLength(6);
  });

  it.each([
    [404, { 'Content-Type': 'image/png' }, 'image-unreachable'],
    [204, {}, 'image-not-an-image'],
    [200, { 'Content-Type': 'text/html' }, 'image-not-an-image'],
    [200, { 'Content-Type': 'image/png', 'Content-Length': String(65 * 2 ** 20) }, 'image-too-large'],
  ])('status %i with %j', async (status, headers, code) => {
    const { port } = await listen((_, response) => response.writeHead(status, headers).end());
    const reading = read(`http://pictures.test:${port}/`, stage);
    if (status === 204) expect((await reading).size).toBe(0);
    else await expect(reading).rejects.toMatchObject({ code });
  });

  it('stops when the task is cancelled', async () => {
    const { port } = await listen(() => undefined);
    const controller = new AbortController();
    const reading = readImageSource({ kind: 'url', url: `http://pictures.test:${port}/` }, controller.signal, stage);
    setTimeout(() => controller.abort(), 20);
    await expect(reading).rejects.toMatchObject({ code: 'cancelled' });
  });
});
