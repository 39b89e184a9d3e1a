/** What a page of another site can and cannot do to `serve`, in a real browser. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, test, type Page } from '@playwright/test';
import { startApiServer, type ApiServer } from '../../cli/server/api-server.ts';
import { EngineDouble } from '../fixtures/engine-double.ts';
import { GOOD_REQUEST } from '../fixtures/http-bench.ts';
import { MemoryDesk } from '../fixtures/memory-desk.ts';

const TOKEN = 'token-of-the-test';
const BODY = JSON.stringify(GOOD_REQUEST);

let site: Server;
let origin: string;
let engine: EngineDouble;
let api: ApiServer;

test.beforeAll(async () => {
  site = createServer((_, response) => response.setHeader('Content-Type', 'text/html').end('<!doctype html>'));
  await new Promise<void>((done) => site.listen(0, 'localhost', done));
  // Another site than 127.0.0.1, where the API is.
  origin = `http://localhost:${(site.address() as AddressInfo).port}`;
});
test.afterAll(() => void site.close());
test.afterEach(() => api.close());

async function start(page: Page, allowedOrigins: readonly string[], token: string | null = null): Promise<void> {
  engine = new EngineDouble();
  const options = { host: '127.0.0.1', port: 0, publicUrl: null, allowedOrigins, token };
  api = await startApiServer({ desk: new MemoryDesk(engine), ...options });
  await page.goto(origin);
}

/** The status that the page sees, or why it sees none. */
function call(page: Page, path: string, init: RequestInit): Promise<string | number> {
  return page.evaluate(
    async ([url, options]) => {
      try {
        return (await fetch(url, options)).status;
      } catch (error) {
        return (error as Error).name;
      }
    },
    [api.url + path, init] as const,
  );
}

for (const enctype of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data']) {
  test(`a form of another site starts nothing: ${enctype}`, async ({ page }) => {
    await start(page, []);
    const answer = page.waitForResponse(`${api.url}getImagetoImage`);
    await page.evaluate(
      ([action, type, body]) => {
        const form = Object.assign(document.createElement('form'), { action, method: 'post', enctype: type });
        // As text/plain, name=value can be made to read as JSON.
        const [name, value] = [`${body.slice(0, -1)},"x":"`, '"}'];
        form.append(Object.assign(document.createElement('input'), { name, value }));
        document.body.append(form);
        form.submit();
      },
      [`${api.url}getImagetoImage`, enctype, BODY] as const,
    );
    expect((await answer).status()).toBe(403);
    expect(engine.submitted).toEqual([]);
  });
}

test('scripts of another site start nothing and read nothing', async ({ page }) => {
  await start(page, ['https://other.test']);
  const json = { 'Content-Type': 'application/json' };
  expect(await call(page, 'getImagetoImage', { method: 'POST', body: BODY, headers: json })).toBe('TypeError');
  expect(await call(page, 'getImagetoImage', { method: 'POST', body: BODY })).toBe('TypeError');
  // Sent without a preflight, and refused; Cross-Origin-Resource-Policy hides even the opaque answer.
  expect(await call(page, 'getImagetoImage', { method: 'POST', body: BODY, mode: 'no-cors' })).toBe('TypeError');
  expect(await call(page, 'list_of_Apps', {})).toBe('TypeError');
  expect(await page.evaluate((url) => navigator.sendBeacon(url, '{}'), `${api.url}getImagetoImage`)).toBe(true);
  const navigation = await page.goto(`${api.url}getImagetoImage`);
  expect(navigation!.status()).toBe(403);
  expect(engine.submitted).toEqual([]);
});

test('scripts of an allowed site may call, with the token', async ({ page }) => {
  await start(page, [origin], TOKEN);
  const json = { 'Content-Type': 'application/json', 'Idempotency-Key': 'k' };
  const authorised = { ...json, Authorization: `Bearer ${TOKEN}` };
  expect(await call(page, 'getImagetoImage', { method: 'POST', body: BODY, headers: json })).toBe(401);
  expect(await call(page, 'getImagetoImage', { method: 'POST', body: BODY, headers: authorised })).toBe(200);
  expect(engine.submitted).toHaveLength(1);
});
