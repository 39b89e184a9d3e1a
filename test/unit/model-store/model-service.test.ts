import 'fake-indexeddb/auto';
import { File } from 'node:buffer';
import { zipSync } from 'fflate';
import { IDBFactory } from 'fake-indexeddb';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { AppError } from '../../../src/domain/errors.ts';
import type { ChunkStore } from '../../../src/domain/ports.ts';
import { indexedDbChunkStore } from '../../../src/model-store/chunk-stores.ts';
import { keepInUse } from '../../../src/model-store/keep-in-use.ts';
import { ModelService } from '../../../src/model-store/model-service.ts';
import { openModel } from '../../../src/model-store/open-model.ts';
import { readZip } from '../../../src/model-store/read-zip.ts';
import { MisbehavingServer } from '../../fixtures/misbehaving-server.ts';
import { sha256, testBytes, testManifest } from '../../fixtures/served-files.ts';
import { testParts, type TestParts } from '../../fixtures/store-parts.ts';

const PATH = 'weights/denoiser.bin';
const weights = testBytes(9500, 1);
const files = { [PATH]: weights, 'tokenizer.json': Buffer.from('{"model":{}}'), 'weights.json': Buffer.from('{}') };
const CHUNKS = 12;

let server: MisbehavingServer;
let parts: TestParts;
let service: ModelService;

beforeEach(async () => {
  vi.stubGlobal('indexedDB', new IDBFactory());
  server = await MisbehavingServer.start();
  server.serve(files);
  const model = { id: 'served', title: 'Served', baseUrl: './', licence: { name: 'MIT', commercialUse: true } };
  const sizes = { downloadBytes: 9514, diskBytes: 9514, memoryBytes: 50_000 };
  server.files.set('catalog.json', Buffer.from(JSON.stringify({ format: 1, models: [{ ...model, ...sizes }] })));
  parts = testParts();
  service = new ModelService(parts, `${server.baseUrl}catalog.json`);
});
afterEach(async () => {
  vi.unstubAllGlobals();
  await server.close();
});

const error = (code: string) => expect.objectContaining({ code }) as Error;
const state = async (): Promise<string | undefined> => (await service.list())[0]?.state;
const keys = () => parts.chunks.keys();
/** The server answers no more than so many chunks; resolves when the next one is asked for. */
function holdAfter(count: number): Promise<void> {
  let answered = 0;
  return new Promise((held) => {
    server.answers.set(PATH, (request, response) => {
      answered += 1;
      if (answered > count) return held();
      const [from, to] = /bytes=(\d+)-(\d+)/.exec(request.headers.range!)!.slice(1).map(Number) as [number, number];
      const body = weights.subarray(from, to + 1);
      response.writeHead(206, { 'content-range': `bytes ${from}-${to}/${weights.length}` }).end(body);
    });
  });
}

describe('installing', () => {
  test('what the catalogue says stands there before, what is true after', async () => {
    expect(await service.list()).toMatchObject([
      { id: 'served', state: 'absent', keptBytes: 0, memoryBytes: 50_000, licence: { name: 'MIT', url: null } },
    ]);
    expect(await service.install({ id: 'served' })).toBe('served');
    expect(await service.list()).toMatchObject([
      { state: 'installed', keptBytes: 9514, licence: { name: 'Apache-2.0' } },
    ]);
  });

  test('two calls at once download once', async () => {
    await Promise.all([service.install({ id: 'served' }), service.install({ id: 'served' })]);
    expect(server.paths.filter((path) => path === PATH)).toHaveLength(10);
  });

  test('pausing keeps what is there, and going on fetches the rest alone', async () => {
    const held = holdAfter(5);
    const running = service.install({ id: 'served' });
    running.catch(() => undefined);
    await held;
    await service.pause('served');
    await expect(running).rejects.toEqual(error('cancelled'));
    expect(await state()).toBe('partial');
    const before = (await keys()).length;
    expect(before).toBeGreaterThan(0);
    server.answers.clear();
    server.requests.length = 0;
    await service.install({ id: 'served' });
    expect(server.requests.filter(({ range }) => range !== null)).toHaveLength(CHUNKS - before);
    expect(await state()).toBe('installed');
  });

  test('cancelling forgets what is there', async () => {
    const held = holdAfter(5);
    const running = service.install({ id: 'served' });
    running.catch(() => undefined);
    await held;
    await service.cancel('served');
    await expect(running).rejects.toEqual(error('cancelled'));
    expect(await state()).toBe('absent');
    expect(await keys()).toEqual([]);
  });

  test('goes on without the server’s bundle.json where an earlier attempt has it', async () => {
    const held = holdAfter(5);
    const running = service.install({ id: 'served' });
    running.catch(() => undefined);
    await held;
    await service.pause('served');
    server.answers.clear();
    server.answers.set('bundle.json', (_, response) => response.writeHead(503).end());
    await service.install({ id: 'served' });
    expect(await state()).toBe('installed');
  });

  test('another tab’s stop ends it; it may then take over', async () => {
    const held = holdAfter(5);
    const running = service.install({ id: 'served' });
    running.catch(() => undefined);
    await held;
    parts.channel.post({ type: 'stop', id: 'served' });
    await expect(running).rejects.toEqual(error('cancelled'));
    server.answers.clear();
    const other = new ModelService({ ...parts, holder: 'other tab' }, `${server.baseUrl}catalog.json`);
    await other.install({ id: 'served' });
    const holders = parts.channel.events.flatMap((event) => (event.type === 'progress' ? [event.holder] : []));
    expect(new Set(holders)).toEqual(new Set(['test', 'other tab']));
  });

  test('follows a redirect to where the files lie, and keeps the address that was given', async () => {
    server.files.set('signed/weights', weights);
    server.answers.set(PATH, (_, response) =>
      response.writeHead(302, { location: '/models/test/signed/weights?for=5min' }).end(),
    );
    await service.install({ id: 'served' });
    expect((await parts.records.get('installed', 'served'))!.bases).toEqual([server.baseUrl]);
    expect(await state()).toBe('installed');
  });

  test.each(['not an address', 'ftp://host/model/', ''])('refuses the address %j', async (url) => {
    await expect(service.install({ url })).rejects.toEqual(error('bundle-invalid'));
  });

  test('a catalogue whose folder has another model is refused', async () => {
    server.files.set('bundle.json', Buffer.from(JSON.stringify(testManifest(files, { id: 'another' }))));
    await expect(service.install({ id: 'served' })).rejects.toEqual(error('bundle-invalid'));
  });
});

describe('a full disk share', () => {
  function limited(room: number): ChunkStore {
    const inner = indexedDbChunkStore('buffer');
    return {
      ...inner,
      set: async (key, bytes) => {
        if ((await inner.keys()).length >= room) throw new AppError('quota-exceeded', 'full');
        await inner.set(key, bytes);
      },
    };
  }

  test('makes room by deleting what is partial or belongs to nothing, and succeeds', async () => {
    const inner = indexedDbChunkStore('buffer');
    const old = testBytes(1000, 77);
    await inner.set(sha256(old), old);
    const partialFile = testBytes(3000, 78);
    const json = testManifest({ 'a.bin': partialFile }, { id: 'half' });
    await parts.records.set('partial', { id: 'half', bases: [], json, savedAt: 0 });
    await inner.set(sha256(partialFile.subarray(0, 1000)), partialFile.slice(0, 1000));
    service = new ModelService({ ...parts, chunks: limited(CHUNKS) }, `${server.baseUrl}catalog.json`);
    await service.install({ id: 'served' });
    expect((await service.list()).map(({ id, state: s }) => [id, s])).toEqual([['served', 'installed']]);
    expect(await inner.keys()).toHaveLength(CHUNKS);
  });

  test('ends in a clear error when that is not enough; installed models stay', async () => {
    const kept = { 'a.bin': testBytes(2500, 5) };
    server.serve(kept, { id: 'kept' });
    await service.install({ url: server.baseUrl });
    server.serve(files);
    service = new ModelService({ ...parts, chunks: limited(9) }, `${server.baseUrl}none.json`);
    await expect(service.install({ url: server.baseUrl })).rejects.toEqual(error('quota-exceeded'));
    expect((await service.list()).map(({ id, state: s }) => [id, s])).toEqual([
      ['kept', 'installed'],
      ['served', 'partial'],
    ]);
  });
});

describe('verifying', () => {
  beforeEach(async () => {
    await service.install({ id: 'served' });
    server.requests.length = 0;
  });
  const flip = async (index: number): Promise<void> => {
    const chunk = weights.slice(index * 1000, (index + 1) * 1000);
    const key = sha256(chunk);
    chunk[500]! ^= 8;
    await parts.chunks.set(key, chunk);
  };

  test('finds nothing where nothing is wrong, and asks the network nothing', async () => {
    expect(await service.verify('served')).toEqual({ checkedChunks: CHUNKS, repairedChunks: 0 });
    expect(server.requests).toEqual([]);
  });

  test('repairs a flipped bit by that chunk alone, a lost one too', async () => {
    await flip(4);
    await parts.chunks.delete(sha256(weights.subarray(9000)));
    expect(await state()).toBe('damaged');
    expect(await service.verify('served')).toEqual({ checkedChunks: CHUNKS, repairedChunks: 2 });
    expect(server.requests.map(({ range }) => range).filter((range) => range !== null)).toEqual([
      [4000, 5000],
      [9000, 9500],
    ]);
    expect(await state()).toBe('installed');
  });

  test('offline, damage is told and the model no longer counts as installed', async () => {
    await flip(4);
    server.cut();
    await expect(service.verify('served')).rejects.toEqual(error('download-failed'));
    expect(await state()).toBe('damaged');
  });
});

describe('removing', () => {
  test('takes everything that no other model needs', async () => {
    await service.install({ id: 'served' });
    const more = { [PATH]: weights.slice(0, 2000), 'weights.json': Buffer.from('[]') };
    server.serve(more, { id: 'sharing' });
    await service.install({ url: server.baseUrl });
    await service.remove('served');
    expect((await service.list()).filter(({ state: s }) => s === 'installed').map(({ id }) => id)).toEqual(['sharing']);
    expect(await keys()).toHaveLength(3);
  });

  test('is refused while the model is in use', async () => {
    await service.install({ id: 'served' });
    const end = keepInUse(parts, 'served');
    await expect(service.remove('served')).rejects.toEqual(error('model-in-use'));
    expect(await state()).toBe('installed');
    end();
    await new Promise((resolve) => setTimeout(resolve));
    await service.remove('served');
    expect(await keys()).toEqual([]);
  });
});

describe('files', () => {
  const asFiles = (entries: Readonly<Record<string, Uint8Array>>, folder = 'model/'): globalThis.File[] =>
    Object.entries(entries).map(([path, bytes]) => {
      const file = new File([bytes], path.split('/').pop()!);
      return Object.assign(file, { webkitRelativePath: folder + path }) as unknown as globalThis.File;
    });
  const withManifest = { ...files, 'bundle.json': Buffer.from(JSON.stringify(testManifest(files))) };
  const zipFile = (zip: Uint8Array): globalThis.File[] => [new File([zip], 'model.zip') as unknown as globalThis.File];
  const installed = async (): Promise<Uint8Array> => {
    const { signal } = new AbortController();
    const { bundle } = await openModel(parts, {
      id: 'served',
      baseUrl: 'http://nowhere.test/',
      verifyAll: true,
      signal,
    });
    return bundle.files.read(PATH);
  };

  test('of a folder are taken without the network', async () => {
    expect(await service.importFiles(asFiles(withManifest))).toBe('served');
    expect(await installed()).toEqual(weights);
    expect(server.requests.filter(({ path }) => path !== 'catalog.json')).toEqual([]);
  });

  test('that are missing, damaged or of another kind are told by name, and nothing counts as installed', async () => {
    const without = Object.fromEntries(Object.entries(withManifest).filter(([path]) => path !== PATH));
    await expect(service.importFiles(asFiles(without))).rejects.toMatchObject({
      code: 'bundle-missing-file',
      details: { file: PATH },
    });
    const wrong = { ...withManifest, [PATH]: weights.map((byte, i) => (i === 5000 ? byte ^ 1 : byte)) };
    await expect(service.importFiles(asFiles(wrong))).rejects.toMatchObject({
      code: 'integrity',
      details: { file: PATH },
    });
    await expect(service.importFiles(asFiles(files))).rejects.toMatchObject({ code: 'bundle-missing-file' });
    await expect(service.importFiles(zipFile(testBytes(500, 1)))).rejects.toMatchObject({ code: 'bundle-invalid' });
    expect(await state()).toBe('partial');
  });

  test('of an export come back as they were', async () => {
    await service.install({ id: 'served' });
    const zip = await service.exportZip('served');
    expect([...(await readZip(zip)).keys()]).toEqual([
      'served/bundle.json',
      ...Object.keys(files).map((p) => `served/${p}`),
    ]);
    await service.remove('served');
    await service.importFiles(zipFile(new Uint8Array(await zip.arrayBuffer())));
    expect(await installed()).toEqual(weights);
  });

  test.each([0, 9] as const)('of another program’s zip (level %i) are read as well', async (level) => {
    const zip = zipSync(withManifest, { level });
    await service.importFiles(zipFile(zip));
    expect(await installed()).toEqual(weights);
  });

  test('an imported model that is damaged asks for its files', async () => {
    await service.importFiles(asFiles(withManifest));
    await parts.chunks.delete(sha256(weights.subarray(0, 1000)));
    server.files.delete('catalog.json');
    service = new ModelService(parts, `${server.baseUrl}none.json`);
    await expect(service.verify('served')).rejects.toMatchObject({ code: 'integrity', details: { imported: true } });
    await expect(installed()).rejects.toMatchObject({ code: 'integrity' });
  });
});
