import 'fake-indexeddb/auto';
import { IDBFactory } from 'fake-indexeddb';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { ChunkStore } from '../../../src/domain/ports.ts';
import { AppError } from '../../../src/domain/errors.ts';
import type { InstallProgress } from '../../../src/domain/models.ts';
import { indexedDbChunkStore } from '../../../src/model-store/chunk-stores.ts';
import { openModel, type OpenOptions } from '../../../src/model-store/open-model.ts';
import type { StoreParts } from '../../../src/model-store/store-parts.ts';
import { MisbehavingServer, type Answer } from '../../fixtures/misbehaving-server.ts';
import { sha256, testBytes, testManifest } from '../../fixtures/served-files.ts';
import { testParts, type TestParts } from '../../fixtures/store-parts.ts';

const weights = testBytes(3500, 1);
const encoder = testBytes(2000, 2);
const files = {
  'weights/denoiser.bin': weights,
  'face_encoder.onnx': encoder,
  'tokenizer.json': Buffer.from('{"model":{}}'),
  'weights.json': Buffer.from('{}'),
};
const CHUNKS = 4 + 2 + 1 + 1;
const totalBytes = Object.values(files).reduce((sum, bytes) => sum + bytes.length, 0);

let server: MisbehavingServer;

beforeEach(async () => {
  vi.stubGlobal('indexedDB', new IDBFactory());
  server = await MisbehavingServer.start();
  server.serve(files);
});

afterEach(async () => {
  vi.unstubAllGlobals();
  await server.close();
});

const open = (options: Partial<OpenOptions> = {}, parts: StoreParts = testParts()) =>
  openModel(parts, {
    id: 'served',
    baseUrl: server.baseUrl,
    verifyAll: false,
    signal: new AbortController().signal,
    ...options,
  });
const asksForChunk = (path: string) => server.paths.filter((asked) => asked === path);
const bytesAnswer =
  (bytes: Uint8Array): Answer =>
  (_, response) =>
    response.writeHead(200, { 'content-length': bytes.length }).end(bytes);
const htmlAnswer = (): Answer => (_, response) =>
  response.writeHead(200, { 'content-type': 'text/html' }).end('<!doctype html><p>app');
const error = (code: string, message?: RegExp) =>
  expect.objectContaining({ code, ...(message && { message: expect.stringMatching(message) as unknown }) }) as Error;

describe('a first visit', () => {
  test('fetches every chunk once, tells verified bytes and keeps the chunks under their SHA-256', async () => {
    const progress: InstallProgress[] = [];
    const { bundle, notKept } = await open({ onProgress: (step) => progress.push(step) });

    expect(notKept).toBeNull();
    expect(server.paths).toHaveLength(1 + CHUNKS);
    expect(asksForChunk('weights/denoiser.bin')).toHaveLength(4);
    expect(progress[0]).toMatchObject({ verifiedBytes: 0, totalBytes, timeLeftMs: null, wholeFilesOnly: false });
    expect(progress.at(-1)).toMatchObject({ verifiedBytes: totalBytes, totalBytes, timeLeftMs: 0 });
    expect(progress).toHaveLength(1 + CHUNKS);

    expect(await bundle.files.read('weights/denoiser.bin')).toEqual(weights);
    expect(new Uint8Array(await (await bundle.files.blob('face_encoder.onnx')).arrayBuffer())).toEqual(encoder);
    expect(bundle.manifest.id).toBe('served');
    expect(await indexedDbChunkStore('buffer').keys()).toContain(sha256(weights.subarray(3000)));
  });

  test('a file that the manifest does not list is a missing file', async () => {
    const { bundle } = await open();
    await expect(bundle.files.read('weights/other.bin')).rejects.toEqual(error('bundle-missing-file', /other\.bin/));
  });
});

describe('a later visit', () => {
  test('makes no request for weights', async () => {
    await open();
    server.requests.length = 0;
    const { bundle } = await open();
    expect(await bundle.files.read('weights/denoiser.bin')).toEqual(weights);
    expect(server.paths).toEqual(['bundle.json']);
  });

  test('works without the server', async () => {
    await open();
    server.cut();
    const { bundle } = await open();
    expect(await bundle.files.read('weights/denoiser.bin')).toEqual(weights);
  });

  test('asks the network nothing about a model that came from elsewhere', async () => {
    await open();
    server.requests.length = 0;
    const { bundle } = await open({ baseUrl: 'http://127.0.0.1:9/models/served/' });
    expect(await bundle.files.read('weights/denoiser.bin')).toEqual(weights);
    expect(server.requests).toEqual([]);
  });

  test('fetches only what a new version changed and forgets what it replaced', async () => {
    await open();
    const changed = testBytes(1500, 9);
    server.serve({ ...files, 'face_encoder.onnx': changed });
    server.requests.length = 0;
    const { bundle } = await open();
    expect(server.paths).toEqual(['bundle.json', 'face_encoder.onnx', 'face_encoder.onnx']);
    expect(await bundle.files.read('face_encoder.onnx')).toEqual(changed);
    const kept = await indexedDbChunkStore('buffer').keys();
    expect(kept).not.toContain(sha256(encoder.subarray(0, 1000)));
    expect(kept).toContain(sha256(weights.subarray(0, 1000)));
  });

  test('fetches again, alone, a chunk that the browser has dropped meanwhile', async () => {
    const { bundle } = await open();
    await indexedDbChunkStore('buffer').delete(sha256(weights.subarray(1000, 2000)));
    server.requests.length = 0;
    expect(await bundle.files.read('weights/denoiser.bin')).toEqual(weights);
    expect(server.requests).toEqual([{ path: 'weights/denoiser.bin', range: [1000, 2000], misdeed: null }]);
  });

  test('fetches what the browser has dropped between two visits', async () => {
    await open();
    await indexedDbChunkStore('buffer').delete(sha256(weights.subarray(1000, 2000)));
    server.requests.length = 0;
    await open();
    expect(server.paths).toEqual(['bundle.json', 'weights/denoiser.bin']);
  });
});

describe('looking through what is kept', () => {
  const flip = async (index: number): Promise<void> => {
    const chunk = weights.slice(index * 1000, (index + 1) * 1000);
    const key = sha256(chunk);
    chunk[17]! ^= 1;
    await indexedDbChunkStore('buffer').set(key, chunk);
  };

  test('eight visits look at every chunk once', async () => {
    await open();
    await flip(2);
    server.requests.length = 0;
    for (let visit = 0; visit < 8; visit++) await open();
    expect(asksForChunk('weights/denoiser.bin')).toHaveLength(1);
    const { bundle } = await open();
    expect(await bundle.files.read('weights/denoiser.bin')).toEqual(weights);
  });

  test('after an abnormal end one visit looks at all of them, and fetches the damaged one alone', async () => {
    await open();
    await flip(3);
    server.requests.length = 0;
    const { bundle } = await open({ verifyAll: true });
    expect(server.requests.filter(({ range }) => range !== null)).toEqual([
      { path: 'weights/denoiser.bin', range: [3000, 3500], misdeed: null },
    ]);
    expect(await bundle.files.read('weights/denoiser.bin')).toEqual(weights);
  });
});

describe('bad answers', () => {
  const path = 'weights/denoiser.bin';

  test('a chunk with one wrong bit is never stored', async () => {
    const wrong = Uint8Array.from(weights, (byte, i) => (i === 2500 ? byte ^ 1 : byte));
    server.files.set(path, wrong);
    await expect(open()).rejects.toEqual(error('integrity', /chunk 2/));
    expect(await indexedDbChunkStore('buffer').keys()).not.toContain(sha256(wrong.subarray(2000, 3000)));
  });

  test('404 is told with its address', async () => {
    server.files.delete(path);
    await expect(open()).rejects.toEqual(error('download-failed', /weights\/denoiser\.bin.*404/));
  });

  test('a wrong hash in the manifest is refused and nothing is stored under it', async () => {
    const manifest = testManifest(files) as { files: { chunks: string[] }[] };
    manifest.files[0]!.chunks[0] = 'ab'.repeat(32);
    server.files.set('bundle.json', Buffer.from(JSON.stringify(manifest)));
    await expect(open()).rejects.toEqual(error('integrity', /denoiser\.bin/));
    expect(await indexedDbChunkStore('buffer').keys()).not.toContain('ab'.repeat(32));
  });

  test.each([
    ['../outside.bin', /not a relative path/],
    ['https://elsewhere.example/x.bin', /not a relative path/],
    ['/etc/x', /not a relative path/],
  ])('a manifest that lists %s', async (outside, message) => {
    server.serve({ ...files, [outside]: weights });
    await expect(open()).rejects.toEqual(error('bundle-invalid', message));
  });

  test.each([
    ['a missing', undefined, error('download-failed', /bundle\.json.*404/)],
    ['an HTML', htmlAnswer(), error('download-failed', /web page/)],
    ['a broken', bytesAnswer(Buffer.from('{"format":')), error('bundle-invalid', /not JSON/)],
    ['an unknown', bytesAnswer(Buffer.from('{"format":7}')), error('bundle-invalid', /format 7/)],
  ])('%s bundle.json', async (_, answer, expected) => {
    if (answer === undefined) server.files.delete('bundle.json');
    else server.answers.set('bundle.json', answer);
    await expect(open()).rejects.toEqual(expected);
  });

  test('cancelling stops the download', async () => {
    const abort = new AbortController();
    server.answers.set(path, (_, response) => {
      response.writeHead(206);
      response.write(weights.subarray(0, 100), () => abort.abort());
    });
    await expect(open({ signal: abort.signal })).rejects.toEqual(error('cancelled'));
  });
});

describe('without lasting storage', () => {
  test('no IndexedDB: works from memory and says so', async () => {
    vi.stubGlobal('indexedDB', undefined);
    const { bundle, notKept } = await open();
    expect(notKept).toEqual(error('storage-unavailable'));
    expect(await bundle.files.read('weights/denoiser.bin')).toEqual(weights);
    expect(await bundle.files.read('weights/denoiser.bin')).toEqual(weights);
    expect(asksForChunk('weights/denoiser.bin')).toHaveLength(4);
  });

  test('IndexedDB that refuses to open: the same', async () => {
    vi.stubGlobal('indexedDB', {
      open: () => {
        throw new DOMException('The operation is insecure.', 'SecurityError');
      },
    });
    const { bundle, notKept } = await open();
    expect(notKept).toEqual(error('storage-unavailable', /SecurityError/));
    expect(await bundle.files.read('face_encoder.onnx')).toEqual(encoder);
  });

  test('disk share full half-way: the rest lives in memory, and nothing counts as installed', async () => {
    const lasting = indexedDbChunkStore('buffer');
    let room = 3;
    const chunks: ChunkStore = {
      ...lasting,
      set: (key, bytes) => {
        if (room-- <= 0) return Promise.reject(new AppError('quota-exceeded', 'full'));
        return lasting.set(key, bytes);
      },
    };
    const parts: TestParts = testParts({ chunks });
    const { bundle, notKept } = await open({}, parts);
    expect(notKept).toEqual(error('quota-exceeded'));
    expect((await lasting.keys()).length).toBe(3);
    for (const [path, bytes] of Object.entries(files)) {
      expect(Buffer.compare(await bundle.files.read(path), bytes)).toBe(0);
    }
    expect(await parts.records.get('installed', 'served')).toBeNull();
  });
});
