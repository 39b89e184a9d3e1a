/** Against a real HTTP server that answers well, and badly in every way that is looked for. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, expect, it, test } from 'vitest';
import { openHttpAccess } from '../../../src/forge/http-access.ts';
import { openWeights } from '../../../src/forge/open-weights.ts';
import { fixtureBytes } from './reader-fixtures.ts';

const file = fixtureBytes('types.safetensors');

interface Asked {
  readonly first: number;
  readonly last: number;
  /** 0 is the question for the size. */
  readonly count: number;
}
type Answer = (asked: Asked, response: ServerResponse) => void;

/** What the range asks for, with headers that are right unless replaced. */
const send = (
  asked: Asked,
  response: ServerResponse,
  headers: Record<string, string> = {},
  body?: Uint8Array,
): void => {
  const { first, last } = asked;
  response.writeHead(206, { 'content-range': `bytes ${first}-${last}/${file.length}`, etag: '"1"', ...headers });
  response.end(body ?? file.subarray(first, last + 1));
};

let server: Server;
let url: string;
let answer: Answer;
let count: number;
const ranges: string[] = [];

beforeAll(async () => {
  server = createServer((request: IncomingMessage, response: ServerResponse) => {
    const range = request.headers.range ?? '';
    ranges.push(range);
    const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(range) ?? [];
    answer({ first: Number(first), last: Number(last), count: count++ }, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/model.safetensors?token=secret`;
});

beforeEach(() => {
  answer = send;
  count = 0;
  ranges.length = 0;
});

afterAll(() => {
  server.closeAllConnections();
  server.close();
});

test('reads a weight file piece by piece', async () => {
  const access = await openHttpAccess(url);
  expect(access.size).toBe(file.length);
  expect(access.name).not.toContain('secret');
  const weights = await openWeights(access);
  expect([...(await weights.read('F32.scalar'))]).toEqual([-1.5]);
  const read = ranges
    .map((range) => /(\d+)-(\d+)/.exec(range)!)
    .reduce((sum, [, a, b]) => sum + Number(b) - Number(a) + 1, 0);
  expect(read).toBeLessThan(file.length);
  expect(await access.read(5, 0)).toHaveLength(0);
  await expect(access.read(file.length, 1)).rejects.toBeInstanceOf(RangeError);
});

it.each<[string, Answer, RegExp, boolean]>([
  ['the whole file', (_, r) => void r.writeHead(200).end(file), /ignores byte ranges/, false],
  ['not found', (_, r) => void r.writeHead(404).end('no'), /HTTP status 404/, false],
  ['an overloaded server', (_, r) => void r.writeHead(503).end('later'), /HTTP status 503/, true],
  ['an empty file', (_, r) => void r.writeHead(416, { 'content-range': 'bytes */0' }).end(), /is empty/, false],
  ['a web page', (a, r) => send(a, r, { 'content-type': 'text/html; charset=utf-8' }), /web page/, false],
  ['encoded bytes', (a, r) => send(a, r, { 'content-encoding': 'x-own' }), /arrives encoded \(x-own\)/, false],
  ['no Content-Range', (a, r) => void r.writeHead(206).end(file.subarray(a.first, a.last + 1)), /Content-Range/, false],
  ['another range', (a, r) => send(a, r, { 'content-range': `bytes 1-1/${file.length}` }), /sent "bytes 1-1/, false],
  ['an unknown size', (a, r) => send(a, r, { 'content-range': 'bytes 0-0/*' }), /sent "bytes 0-0\/\*"/, false],
  ['a size that is too small', (a, r) => send(a, r, { 'content-range': 'bytes 0-0/0' }), /sent "bytes 0-0\/0"/, false],
  ['too much', (a, r) => send(a, r, {}, file.subarray(0, 1000)), /more than the 1 bytes/, false],
  ['too little', (a, r) => send(a, r, {}, new Uint8Array(0)), /sent 0 of the 1 bytes/, true],
  ['a broken connection', (_, r) => void r.destroy(), /could not be reached/, true],
])('refuses %s', async (_, bad, message, retryable) => {
  answer = bad;
  await expect(openHttpAccess(url)).rejects.toMatchObject({
    code: 'download-failed',
    message: expect.stringMatching(message) as string,
    retryable,
  });
  // Nothing is tried twice here.
  expect(count).toBe(1);
});

it.each<[string, Record<string, string>]>([
  ['size', { 'content-range': `bytes 8-15/${file.length + 1}` }],
  ['version', { etag: '"2"' }],
])('notices another %s between two pieces', async (_, headers) => {
  answer = (asked, response) => send(asked, response, asked.count === 0 ? {} : headers);
  const access = await openHttpAccess(url);
  await expect(access.read(8, 8)).rejects.toMatchObject({ code: 'download-failed', message: /another version/ });
});

test('a signal ends what is under way, and what comes later', async () => {
  const controller = new AbortController();
  answer = (asked, response) => {
    if (asked.count === 0) send(asked, response);
    else controller.abort();
  };
  const access = await openHttpAccess(url, { signal: controller.signal });
  await expect(access.read(0, 100)).rejects.toMatchObject({ code: 'cancelled' });
  await expect(access.read(0, 100)).rejects.toMatchObject({ code: 'cancelled' });
});
