import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { BundleFile } from '../../../src/bundle/integrity.ts';
import { parseManifest } from '../../../src/bundle/open-bundle.ts';
import { AppError } from '../../../src/domain/errors.ts';
import { ChunkPlan } from '../../../src/model-store/chunk-plan.ts';
import { downloadChunks, type DownloadOptions } from '../../../src/model-store/download.ts';
import { sleep } from '../../../src/model-store/network.ts';
import { MISDEEDS, MisbehavingServer, type Answer, type Misdeed } from '../../fixtures/misbehaving-server.ts';
import { sha256, testBytes, testManifest } from '../../fixtures/served-files.ts';
import { quickNetwork } from '../../fixtures/store-parts.ts';

const PATH = 'weights/denoiser.bin';
const weights = testBytes(9500, 1);
const files = { [PATH]: weights, 'weights.json': testBytes(300, 2) };
const plan = new ChunkPlan(parseManifest(testManifest(files)));
const file = (path: string): BundleFile => plan.chunks.find((chunk) => chunk.file.path === path)!.file;

let server: MisbehavingServer;
let kept: Map<string, Uint8Array>;

beforeEach(async () => {
  kept = new Map();
  server = await MisbehavingServer.start();
  server.serve(files);
});
afterEach(() => server.close());

const download = (options: Partial<DownloadOptions> = {}, wanted = plan.chunks): Promise<void> =>
  downloadChunks(wanted, {
    bases: [server.baseUrl],
    network: quickNetwork(),
    signal: new AbortController().signal,
    keep: (key, bytes) => Promise.resolve(void kept.set(key, bytes)),
    ...options,
  });
const expectAll = (): void => {
  expect([...kept.keys()].sort()).toEqual(plan.chunks.map(({ file: f, index }) => f.chunks[index]!).sort());
  for (const [key, bytes] of kept) expect(sha256(bytes)).toBe(key);
};
const failure = (code: string, message: RegExp, reason?: string) =>
  expect.objectContaining({
    code,
    message: expect.stringMatching(message) as unknown,
    ...(reason && { details: expect.objectContaining({ reason }) as unknown }),
  }) as Error;

describe('a server that behaves', () => {
  test('every chunk is asked for once, by its exact range', async () => {
    await download();
    expectAll();
    const ranges = server.requests.filter(({ path }) => path === PATH).map(({ range }) => range);
    expect(ranges).toHaveLength(10);
    expect(ranges).toContainEqual([9000, 9500]);
  });

  test('only what is missing is asked for', async () => {
    await download({}, plan.missing(new Set(file(PATH).chunks.slice(0, 8))));
    expect(server.requests.filter(({ path }) => path === PATH).map(({ range }) => range)).toEqual([
      [8000, 9000],
      [9000, 9500],
    ]);
  });

  test('four connections at a time', async () => {
    let open = 0;
    let most = 0;
    const slow = quickNetwork({
      fetch: async (...args) => {
        most = Math.max(most, ++open);
        await new Promise((resolve) => setTimeout(resolve, 5));
        return fetch(...args).finally(() => open--);
      },
    });
    await download({ network: slow });
    expect(most).toBe(4);
  });
});

describe('a server that misbehaves once in a while', () => {
  test.each(MISDEEDS)('%s: the chunk is asked for again, and only right bytes are kept', async (misdeed: Misdeed) => {
    server.misbehave({ seed: 5, rate: 0.25, misdeeds: [misdeed] });
    const network = quickNetwork(misdeed === 'stall' ? { stallMs: 500 } : {});
    await download({ network });
    expectAll();
    const wrong = server.requests.filter((request) => request.misdeed !== null).length;
    expect(wrong).toBeGreaterThan(0);
    expect(server.requests.length).toBe(plan.chunks.length + wrong);
    // A server that has not sent any range yet is asked again at once: it may know none.
    if (misdeed === 'whole-file') expect(network.waits.length).toBeLessThanOrEqual(wrong);
    else expect(network.waits).toHaveLength(wrong);
  });

  test('waits 1, 2, 4 and 8 seconds, give or take a quarter, then gives up with the last reason', async () => {
    server.answers.set('weights.json', (_, response) => response.writeHead(503).end());
    const least = quickNetwork({ random: () => 0 });
    await expect(download({ network: least })).rejects.toEqual(failure('download-failed', /503/, 'status'));
    expect(least.waits).toEqual([750, 1500, 3000, 6000]);
    const most = quickNetwork({ random: () => 1 });
    await expect(download({ network: most })).rejects.toEqual(failure('download-failed', /503/));
    expect(most.waits).toEqual([1250, 2500, 5000, 10_000]);
  });

  test('waits as long as the server asks', async () => {
    let asked = 0;
    server.answers.set('weights.json', (_, response) => {
      if (asked++ === 0) response.writeHead(429, { 'retry-after': '7', 'access-control-allow-origin': '*' }).end();
      else response.writeHead(200).end(files['weights.json']);
    });
    const network = quickNetwork();
    await download({ network });
    expect(network.waits).toEqual([7000]);
  });

  test('silence is told as such', async () => {
    server.misbehave({ seed: 1, rate: 1, misdeeds: ['stall'] });
    const network = quickNetwork({ stallMs: 100 });
    await expect(download({ network })).rejects.toEqual(failure('download-failed', /sent nothing/, 'stalled'));
  });
});

describe('a server without ranges', () => {
  beforeEach(() => {
    server.ranges = false;
  });

  test('streams each file once more, checks every chunk, and is told of', async () => {
    let told = 0;
    await download({ onWholeFilesOnly: () => told++ });
    expectAll();
    expect(told).toBe(1);
    expect(server.requests.filter(({ path, range }) => path === PATH && range === null)).toHaveLength(1);
  });

  test('a stream that breaks starts again, and what came before is kept', async () => {
    let streams = 0;
    const answer: Answer = (request, response) => {
      if (request.headers.range === undefined) streams += 1;
      response.writeHead(200, { 'content-length': weights.length });
      if (request.headers.range !== undefined || streams > 1) return void response.end(weights);
      response.write(weights.subarray(0, 5500), () => setTimeout(() => response.destroy(), 20));
    };
    server.answers.set(PATH, answer);
    await download();
    expectAll();
    expect(streams).toBe(2);
  });

  test('wrong bytes are damage, not an endless loop', async () => {
    server.files.set(
      PATH,
      weights.map((byte, i) => (i === 2500 ? byte ^ 1 : byte)),
    );
    await expect(download()).rejects.toEqual(failure('integrity', /denoiser\.bin/));
    expect(kept.size).toBeGreaterThanOrEqual(2);
  });
});

describe('answers that are refused for good', () => {
  const answers: readonly (readonly [string, Answer, Error])[] = [
    [
      'a web page',
      (_, response) => response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end('<!doctype html>'),
      failure('download-failed', /web page/, 'web-page'),
    ],
    [
      'a redirect to a log-in page',
      (request, response) => {
        const isLogin = request.url!.endsWith('?login');
        if (isLogin) response.writeHead(200, { 'content-type': 'text/html' }).end('<form>');
        else response.writeHead(302, { location: `${request.url!}?login` }).end();
      },
      failure('download-failed', /redirected to 127\.0\.0\.1.*log-in/, 'log-in'),
    ],
    ['403', (_, response) => response.writeHead(403).end(), failure('download-failed', /log-in/, 'log-in')],
    ['416', (_, response) => response.writeHead(416).end(), failure('download-failed', /416/, 'status')],
    ['404', (_, response) => response.writeHead(404).end(), failure('download-failed', /404/, 'status')],
    [
      'a compressed range',
      (_, response) => response.writeHead(206, { 'content-encoding': 'gzip', 'content-length': 1000 }).end(),
      failure('download-failed', /compressed/, 'encoded'),
    ],
  ];
  test.each(answers)('%s', async (_, answer, expected) => {
    server.answers.set(PATH, answer);
    const network = quickNetwork();
    await expect(download({ network })).rejects.toEqual(expected);
    expect(network.waits).toEqual([]);
  });

  test('another length than the manifest says', async () => {
    server.files.set('weights.json', testBytes(299, 2));
    await expect(download()).rejects.toEqual(failure('download-failed', /299 bytes instead of 300|ended|range/));
  });

  test('a longer one: not a byte too many is read', async () => {
    server.answers.set('weights.json', (_, response) => response.writeHead(200).end(testBytes(9000, 2)));
    await expect(download()).rejects.toEqual(failure('download-failed', /longer than the 300/, 'length'));
  });

  test('an empty one', async () => {
    server.answers.set('weights.json', (_, response) => response.writeHead(200).end());
    await expect(download()).rejects.toEqual(failure('download-failed', /ended after 0 of 300/, 'length'));
  });

  test('a text file that the server compresses whole is right once decoded', async () => {
    const { gzipSync } = await import('node:zlib');
    const packed = gzipSync(files['weights.json']);
    server.answers.set('weights.json', (_, response) =>
      response.writeHead(200, { 'content-encoding': 'gzip', 'content-length': packed.length }).end(packed),
    );
    await download();
    expectAll();
  });
});

describe('mirrors', () => {
  let mirror: MisbehavingServer;
  beforeEach(async () => {
    mirror = await MisbehavingServer.start();
    mirror.serve(files);
  });
  afterEach(() => mirror.close());
  const both = () => ({ bases: [server.baseUrl, mirror.baseUrl] });

  test('are not asked as long as the first place answers', async () => {
    await download(both());
    expect(mirror.requests).toEqual([]);
  });

  test('take over when the first place is gone', async () => {
    server.cut();
    const network = quickNetwork();
    await download({ ...both(), network });
    expectAll();
    expect(network.waits.length).toBeLessThanOrEqual(4); // one for each connection, not for each chunk
  });

  test('take over at once when the first place refuses for good, which is not asked again', async () => {
    server.files.delete(PATH);
    const network = quickNetwork();
    await download({ ...both(), network });
    expectAll();
    expect(network.waits).toEqual([]);
    expect(server.requests.filter(({ path }) => path === PATH).length).toBeLessThanOrEqual(4);
  });

  test('the first reason is told when all of them refuse', async () => {
    server.files.delete(PATH);
    mirror.answers.set(PATH, (_, response) => response.writeHead(403).end());
    await expect(download(both())).rejects.toEqual(failure('download-failed', /404/));
  });
});

describe('stopping', () => {
  test('ends everything at once, also while waiting to try again', async () => {
    server.misbehave({ seed: 1, rate: 1, misdeeds: ['503'] });
    const stop = new AbortController();
    const hours = quickNetwork({ sleep: (ms, signal) => sleep(ms * 3600, signal) });
    const running = download({ signal: stop.signal, network: hours });
    setTimeout(() => stop.abort(), 50);
    await expect(running).rejects.toEqual(failure('cancelled', /stopped/));
  });

  test('a chunk that cannot be kept ends the download with that reason', async () => {
    const keep = () => Promise.reject(new AppError('quota-exceeded', 'full'));
    await expect(download({ keep })).rejects.toEqual(failure('quota-exceeded', /full/));
  });
});
