import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startServing } from '../../../../cli/serve.ts';
import type { Envelope } from '../../../../src/api/envelope.ts';
import { dataUrl, tinyFacePng, writeTinyBundle } from '../../../fixtures/served-bundle.ts';

const ROOT = fileURLToPath(new URL('../../../..', import.meta.url));
let folder: string;
let bundle: string;
let image: string;
const children: ChildProcess[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'likeness-serve-'));
  bundle = join(folder, 'bundle');
  await writeTinyBundle(bundle);
  image = dataUrl(await tinyFacePng());
});
afterAll(async () => {
  for (const child of children) child.kill('SIGKILL');
  await rm(folder, { recursive: true });
});

interface Served {
  readonly url: string;
  readonly output: () => string;
  end(signal: NodeJS.Signals): Promise<number | null>;
}

/** `likeness serve` as a process of its own. */
async function serve(data: string, ...args: string[]): Promise<Served> {
  const command = ['--import', 'tsx', 'cli/likeness.ts', 'serve', '--port', '0', '--bundle', bundle, '--data', data];
  const child = spawn(process.execPath, [...command, ...args], { cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'] });
  children.push(child);
  let output = '';
  const ended = new Promise<number | null>((done) => child.on('exit', (code) => done(code)));
  const url = await new Promise<string>((done, fail) => {
    const read = (piece: Buffer): void => {
      output += piece.toString();
      const found = /answers at (\S+)/.exec(output);
      if (found) done(found[1]!);
    };
    child.stdout.on('data', read);
    child.stderr.on('data', read);
    void ended.then(() => fail(new Error(output)));
  });
  return {
    url,
    output: () => output,
    end: (signal) => {
      child.kill(signal);
      return ended;
    },
  };
}

async function post(url: string, path: string, body: unknown, headers: Record<string, string> = {}): Promise<Envelope> {
  const response = await fetch(new URL(path, url), {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', ...headers },
    body: JSON.stringify(body),
  });
  return (await response.json()) as Envelope;
}

const request = (seed: number, more = {}) => ({ image, prompt: 'a portrait', seed, ...more });

async function untilEnded(url: string, ids: readonly string[]): Promise<Envelope[]> {
  for (;;) {
    const envelopes = await Promise.all(ids.map((id) => post(url, 'getImage', { id })));
    if (envelopes.every(({ status }) => status !== 'PENDING')) return envelopes;
    await new Promise((done) => setTimeout(done, 50));
  }
}

it('killed and ended in the middle of its queue, it loses no task and no finished picture', async () => {
  const data = join(folder, 'restarted');
  let server = await serve(data);
  const key = { 'Idempotency-Key': 'the-same' };
  const first = await post(server.url, 'getImagetoImage', request(1), key);
  expect(first.status).toBe('SUCCESS');
  const queue = [];
  for (let seed = 2; seed < 6; seed++) {
    const long = request(seed, { celery: true, num_inference_steps: 30, batch: 4 });
    queue.push((await post(server.url, 'getImagetoImage', long)).task_id!);
  }
  const waiting = post(server.url, 'getImagetoImage', request(6));
  waiting.catch(() => undefined); // the connection breaks with the process
  await new Promise((done) => setTimeout(done, 100));
  expect(await server.end('SIGKILL')).toBeNull();

  server = await serve(data);
  expect(server.output()).toMatch(/\d+ tasks? waits? from before/);
  // Who waits while the server is ended is told the id to ask for later.
  const unfinished = post(server.url, 'getImagetoImage', request(7, { num_inference_steps: 50 }));
  await new Promise((done) => setTimeout(done, 200));
  expect(await server.end('SIGTERM')).toBe(0);
  const left = await unfinished;
  expect(left).toMatchObject({ status: 'PENDING', output: null });

  server = await serve(data);
  const ended = await untilEnded(server.url, [...queue, left.task_id!]);
  expect(ended.map(({ status, seeds }) => [status, seeds[0]])).toEqual(
    [2, 3, 4, 5, 7].map((seed) => ['SUCCESS', seed]),
  );
  const again = await post(server.url, 'getImagetoImage', request(1), key);
  expect(again.task_id).toBe(first.task_id);
  const picture = await fetch((again.output!.result as string[])[0]!);
  expect([picture.status, picture.headers.get('Content-Type')]).toEqual([200, 'image/png']);
  const other = await post(server.url, 'getImagetoImage', request(2), key);
  expect(other).toMatchObject({ status: 'FAILED', error: 'Input Validation Error' });
  expect(await server.end('SIGINT')).toBe(0);
}, 60_000);

it('a token is in no output and no file name of the queue', async () => {
  const server = await serve(
    join(folder, 'token'),
    '--token',
    'very-secret-token',
    '--allow-origin',
    'https://app.test',
  );
  expect(await post(server.url, 'getImagetoImage', request(1))).toMatchObject({ error: 'Authorization Error' });
  const headers = { Authorization: 'Bearer very-secret-token' };
  expect(await post(server.url, 'getImagetoImage', request(1), headers)).toMatchObject({ status: 'SUCCESS' });
  await server.end('SIGTERM');
  expect(server.output()).not.toContain('secret');
});

it.each([
  [['--host', '0.0.0.0'], /--host 0\.0\.0\.0 lets other machines in/],
  [['--host', '::'], /lets other machines in/],
  [['--port', '70000'], /--port needs a whole number/],
  [['--token', 'a b'], /--token needs at least 8/],
  [['--allow-origin', '*'], /--allow-origin needs an origin/],
  [['--allow-origin', 'https://a.test/path'], /--allow-origin needs an origin/],
  [['--public-url', 'ftp://x'], /--public-url needs/],
  [['--keep-days', '0'], /--keep-days needs/],
  [['--host', '203.0.113.1', '--token', 'long-enough'], /is not this machine's/],
])('%j is refused', async (args, message) => {
  const start = startServing(
    ['--port', '0', '--bundle', bundle, '--data', join(folder, 'bad'), ...args],
    () => undefined,
  );
  await expect(start).rejects.toThrow(message);
});

it('two bundles of one id, and a folder without a bundle, are refused', async () => {
  const start = (...folders: string[]) =>
    startServing(
      folders.flatMap((path) => ['--bundle', path]),
      () => undefined,
    );
  await expect(start(bundle, bundle)).rejects.toThrow(/are both the model "tiny"/);
  await expect(start(folder)).rejects.toMatchObject({ code: 'bundle-missing-file' });
});
