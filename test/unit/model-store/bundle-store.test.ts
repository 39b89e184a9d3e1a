import 'fake-indexeddb/auto';
import { IDBFactory } from 'fake-indexeddb';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { ChunkStore } from '../../../src/domain/ports.ts';
import { AppError } from '../../../src/domain/errors.ts';
import { openStoredBundle, type OpenOptions } from '../../../src/model-store/bundle-store.ts';
import { indexedDbChunkStore } from '../../../src/model-store/chunk-stores.ts';
import type { LoadProgress } from '../../../src/model-store/stored-files.ts';
import {
  brokenAnswer,
  bytesAnswer,
  htmlAnswer,
  sha256,
  startBundleServer,
  testBytes,
  testManifest,
  type BundleServer,
} from './served-bundle.ts';

const weights = testBytes(3500, 1);
const encoder = testBytes(2000, 2);
const files = {
  'weights/denoiser.bin': weights,
  'face_encoder.onnx': encoder,
  'tokenizer.json': Buffer.from('{"model":{}}'),
  'weights.json': Buffer.from('{}'),
};
const totalBytes = Object.values(files).reduce((sum, bytes) => sum + bytes.length, 0);

let server: BundleServer;

beforeEach(async () => {
  vi.stubGlobal('indexedDB', new IDBFactory());
  server = await startBundleServer();
  server.serve(files);
});

afterEach(async () => {
  vi.unstubAllGlobals();
  await server.close();
});

const open = (options: Partial<OpenOptions> = {}) => openStoredBundle({ baseUrl: server.baseUrl, ...options });
const error = (code: string, message?: RegExp) =>
  expect.objectContaining({ code, ...(message && { message: expect.stringMatching(message) as unknown }) }) as Error;

describe('a first visit', () => {
  test('fetches every file once, tells verified bytes and keeps the chunks under their SHA-256', async () => {
    const progress: LoadProgress[] = [];
    const { bundle, notKept } = await open({ onProgress: (step) => progress.push(step) });

    expect(notKept).toBeNull();
    expect([...server.requests].sort()).toEqual(['bundle.json', ...Object.keys(files)].sort());
    expect(progress[0]).toEqual({ verifiedBytes: 0, totalBytes });
    expect(progress.at(-1)).toEqual({ verifiedBytes: totalBytes, totalBytes });
    expect(progress.length).toBe(1 + 4 + 2 + 1 + 1);

    expect(await bundle.files.read('weights/denoiser.bin')).toEqual(weights);
    expect(new Uint8Array(await (await bundle.files.blob('face_encoder.onnx')).arrayBuffer())).toEqual(encoder);
    expect(bundle.manifest.id).toBe('served');
    expect(await indexedDbChunkStore().keys()).toContain(sha256(weights.subarray(3000)));
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
    expect(server.requests).toEqual(['bundle.json']);
  });

  test('works without the server', async () => {
    await open();
    await server.close();
    const { bundle } = await open();
    expect(await bundle.files.read('weights/denoiser.bin')).toEqual(weights);
  });

  test('fetches only what a new version changed and forgets what it replaced', async () => {
    await open();
    const changed = testBytes(1500, 9);
    server.serve({ ...files, 'face_encoder.onnx': changed });
    server.requests.length = 0;
    const { bundle } = await open();
    expect(server.requests).toEqual(['bundle.json', 'face_encoder.onnx']);
    expect(await bundle.files.read('face_encoder.onnx')).toEqual(changed);
    const kept = await indexedDbChunkStore().keys();
    expect(kept).not.toContain(sha256(encoder.subarray(0, 1000)));
    expect(kept).toContain(sha256(weights.subarray(0, 1000)));
  });

  test('fetches again what the browser has dropped meanwhile', async () => {
    const { bundle } = await open();
    await indexedDbChunkStore().delete(sha256(weights.subarray(0, 1000)));
    server.requests.length = 0;
    expect(await bundle.files.read('weights/denoiser.bin')).toEqual(weights);
    expect(server.requests).toEqual(['weights/denoiser.bin']);
  });
});

describe('bad answers', () => {
  const path = 'weights/denoiser.bin';
  const wrong = Uint8Array.from(weights, (byte, i) => (i === 2500 ? byte ^ 1 : byte));

  test.each([
    ['one wrong bit', bytesAnswer(wrong), error('integrity', /chunk 2/)],
    ['too short', bytesAnswer(weights.subarray(0, 3400)), error('integrity', /ended after 3400 of 3500/)],
    ['too long', bytesAnswer(testBytes(9000, 1)), error('integrity', /longer|chunk 3/)],
    ['a broken connection', brokenAnswer(weights), error('download-failed', /connection/)],
    ['a web page', htmlAnswer(), error('download-failed', /web page/)],
    ['empty', bytesAnswer(new Uint8Array()), error('integrity', /ended after 0/)],
  ])('%s', async (_, answer, expected) => {
    server.answers.set(path, answer);
    await expect(open()).rejects.toEqual(expected);
    const kept = await indexedDbChunkStore().keys();
    expect(kept).not.toContain(sha256(wrong.subarray(2000, 3000)));
  });

  test('404 is told with its address', async () => {
    server.answers.delete(path);
    await expect(open()).rejects.toEqual(error('download-failed', /weights\/denoiser\.bin.*404/));
  });

  test('a wrong hash in the manifest is refused and nothing is stored under it', async () => {
    const manifest = testManifest(files) as { files: { chunks: string[] }[] };
    manifest.files[0]!.chunks[0] = 'ab'.repeat(32);
    server.answers.set('bundle.json', bytesAnswer(Buffer.from(JSON.stringify(manifest))));
    await expect(open()).rejects.toEqual(error('integrity', /denoiser\.bin/));
    expect(await indexedDbChunkStore().keys()).not.toContain('ab'.repeat(32));
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
    if (answer === undefined) server.answers.delete('bundle.json');
    else server.answers.set('bundle.json', answer);
    await expect(open()).rejects.toEqual(expected);
  });

  test('cancelling stops the download', async () => {
    const abort = new AbortController();
    server.answers.set(path, (_, response) => {
      response.writeHead(200);
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
    expect(server.requests.filter((request) => request.endsWith('denoiser.bin'))).toHaveLength(1);
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

  test('disk share full half-way: the rest lives in memory', async () => {
    const lasting = indexedDbChunkStore();
    let room = 3;
    const chunks: ChunkStore = {
      ...lasting,
      set: (key, bytes) => {
        if (room-- <= 0) return Promise.reject(new AppError('quota-exceeded', 'full'));
        return lasting.set(key, bytes);
      },
    };
    const { bundle, notKept } = await open({ chunks });
    expect(notKept).toEqual(error('quota-exceeded'));
    expect((await lasting.keys()).length).toBe(3);
    for (const [path, bytes] of Object.entries(files)) {
      expect(Buffer.compare(await bundle.files.read(path), bytes)).toBe(0);
    }
  });
});
