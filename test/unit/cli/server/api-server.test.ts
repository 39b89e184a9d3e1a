import { request as httpRequest } from 'node:http';
import { connect } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { startApiServer, type ApiServer, type ApiServerOptions } from '../../../../cli/server/api-server.ts';
import type { Envelope } from '../../../../src/api/envelope.ts';
import { EngineDouble } from '../../../fixtures/engine-double.ts';
import { GOOD_REQUEST } from '../../../fixtures/http-bench.ts';
import { MemoryDesk } from '../../../fixtures/memory-desk.ts';

const servers: ApiServer[] = [];
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()));
});

async function start(options: Partial<ApiServerOptions> = {}) {
  const engine = new EngineDouble();
  const lines: string[] = [];
  const server = await startApiServer({
    desk: new MemoryDesk(engine),
    host: '127.0.0.1',
    port: 0,
    token: null,
    allowedOrigins: [],
    publicUrl: null,
    log: (line) => lines.push(line),
    ...options,
  });
  servers.push(server);
  return { server, url: server.url, engine, lines };
}

interface RawAnswer {
  readonly status: number;
  readonly headers: NodeJS.Dict<string | string[]>;
  readonly body: string;
}

/** Node's own client: fetch does not let Host and Origin be set. */
function ask(url: string, options: { method?: string; headers?: Record<string, string>; body?: string } = {}) {
  return new Promise<RawAnswer>((done, fail) => {
    const { method = 'GET', headers = {}, body } = options;
    const outgoing = httpRequest(url, { method, headers }, (incoming) => {
      let text = '';
      incoming.setEncoding('utf8').on('data', (piece: string) => (text += piece));
      incoming.on('end', () => done({ status: incoming.statusCode!, headers: incoming.headers, body: text }));
    });
    outgoing.on('error', fail).end(body);
  });
}

const JSON_TYPE = { 'Content-Type': 'application/json' };
const post = (url: string, body: unknown = GOOD_REQUEST, headers: Record<string, string> = {}) =>
  ask(url, { method: 'POST', headers: { ...JSON_TYPE, ...headers }, body: JSON.stringify(body) });
const envelopeOf = ({ body }: RawAnswer): Envelope => JSON.parse(body) as Envelope;

it('answers over a socket, pictures included', async () => {
  const { url } = await start();
  const answer = await post(`${url}GetImageToImage`, { ...GOOD_REQUEST, seed: 5 });
  expect(answer.status).toBe(200);
  const [picture] = envelopeOf(answer).output!.result as string[];
  expect(picture).toMatch(new RegExp(`^${url}results/[0-9a-f-]{36}/0\\.png$`));
  expect(await ask(picture!)).toMatchObject({ status: 200, body: '5', headers: { 'content-type': 'image/png' } });
  expect(await ask(`${url}list_of_Apps`, { method: 'HEAD' })).toMatchObject({ status: 200, body: '' });
});

describe('refused in the envelope, with nothing started:', () => {
  it.each<[string, Record<string, string>]>([
    ['another Host (DNS rebinding)', { Host: 'evil.test' }],
    ['another Host with our port', { Host: 'evil.test:8787' }],
    ['a page of another site', { Origin: 'https://evil.test', 'Sec-Fetch-Site': 'cross-site' }],
    ['a rebound page, which is its own origin', { Host: 'evil.test:8787', Origin: 'http://evil.test:8787' }],
    ['a form post', { 'Sec-Fetch-Mode': 'navigate', 'Sec-Fetch-Site': 'cross-site' }],
  ])('%s', async (_, headers) => {
    const { url, engine } = await start();
    const answer = await post(`${url}getImagetoImage`, GOOD_REQUEST, headers);
    expect(answer.status).toBe(403);
    expect(envelopeOf(answer)).toMatchObject({ status: 'FAILED', error: 'Authorization Error' });
    expect(engine.submitted).toEqual([]);
  });

  it.each(['TRACE', 'PATCH', 'PROPFIND'])('%s', async (method) => {
    const { url } = await start();
    const answer = await ask(`${url}getImage`, { method });
    expect([answer.status, envelopeOf(answer).status]).toEqual([405, 'FAILED']);
  });

  it.each(['//evil.test/list_of_Apps', '/..%2f..%2fetc/passwd', '/results/%2e%2e/0.png', '/%', '/\\evil.test'])(
    'the path %s',
    async (path) => {
      const { url } = await start();
      const { port } = new URL(url);
      const answer = await rawSocket(
        Number(port),
        `GET ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`,
      );
      expect(answer).toMatch(/^HTTP\/1\.1 404 /);
      expect(answer).toContain('"status":"FAILED"');
    },
  );
});

it('the token: without and with a wrong one 401, with it 200; pictures need none; no log has it', async () => {
  const { url, lines } = await start({ token: 'secret-token' });
  for (const path of ['getImagetoImage', 'getImage', 'cancelTask']) {
    const answer = await post(url + path);
    expect(answer).toMatchObject({ status: 401, headers: { 'www-authenticate': 'Bearer' } });
    expect(envelopeOf(answer).error).toBe('Authorization Error');
  }
  expect((await ask(`${url}list_of_Apps`)).status).toBe(401);
  expect((await post(`${url}getImagetoImage`, GOOD_REQUEST, { Authorization: 'Bearer wrong-token' })).status).toBe(401);
  const answer = await post(`${url}getImagetoImage`, GOOD_REQUEST, { Authorization: 'Bearer secret-token' });
  expect(answer.status).toBe(200);
  expect(answer.body).not.toContain('secret');
  expect((await ask((envelopeOf(answer).output!.result as string[])[0]!)).status).toBe(200);
  expect(lines.join()).not.toContain('secret');
});

it('limits: requests per minute and bodies, announced, streamed, or never sent', async () => {
  const limited = await start({ requestsPerMinute: 2 });
  for (let i = 0; i < 2; i++) await ask(`${limited.url}list_of_Apps`);
  const tooMany = await ask(`${limited.url}list_of_Apps`);
  expect([tooMany.status, envelopeOf(tooMany).error]).toEqual([429, 'Rate Limit Error']);
  expect(Number(tooMany.headers['retry-after'])).toBeGreaterThan(0);

  const { url, engine } = await start({ maxBodyBytes: 1000 });
  const large = await post(`${url}getImagetoImage`, { ...GOOD_REQUEST, prompt: 'x'.repeat(500_000) });
  expect([large.status, envelopeOf(large).error]).toEqual([413, 'Request Too Large']);
  const chunked = await ask(`${url}getImagetoImage`, {
    method: 'POST',
    headers: { ...JSON_TYPE, 'Transfer-Encoding': 'chunked' },
    body: 'x'.repeat(5000),
  });
  expect(chunked.status).toBe(413);
  const { port } = new URL(url);
  const promised = await rawSocket(
    Number(port),
    'POST /getImagetoImage HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 99999\r\n\r\n{',
  );
  expect(promised).toMatch(/^HTTP\/1\.1 413 /);
  expect(engine.submitted).toEqual([]);
});

it('behind a proxy: addresses are public ones, and its name is a right Host', async () => {
  const { server, url } = await start({ publicUrl: new URL('https://faces.test/api/') });
  expect(url).toBe('https://faces.test/api/');
  const answer = await post(`http://127.0.0.1:${server.port}/getImagetoImage`, GOOD_REQUEST, { Host: 'faces.test' });
  expect((envelopeOf(answer).output!.result as string[])[0]).toMatch(/^https:\/\/faces\.test\/api\/results\//);
});

/** All that comes back for some bytes, until the server closes. */
function rawSocket(port: number, bytes: string): Promise<string> {
  return new Promise((done, fail) => {
    let text = '';
    const socket = connect(port, '127.0.0.1', () => socket.write(bytes));
    socket
      .on('data', (piece) => (text += piece.toString()))
      .on('error', fail)
      .on('close', () => done(text));
  });
}
