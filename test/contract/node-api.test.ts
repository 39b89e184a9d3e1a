/**
 * The API's contract over the engine itself, over the HTTP handler and over `serve`, all with the tiny bundle on
 * onnxruntime-node; then their answers and pictures against each other and against `likeness generate`.
 */
import { starterBundle } from '../../cli/starter-bundle.ts';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { runGenerate } from '../../cli/generate.ts';
import { nodeImageCodec } from '../../cli/node-image-codec.ts';
import { startServing, type RunningServer } from '../../cli/serve.ts';
import { readModels } from '../../cli/server/served-models.ts';
import { spawnThread } from '../../cli/server/spawn-thread.ts';
import { HttpRefusal, toApiError } from '../../src/api/api-error.ts';
import {
  modelsEnvelope,
  refusalEnvelope,
  taskEnvelope,
  taskHttpStatus,
  type Envelope,
} from '../../src/api/envelope.ts';
import { createHttpApi } from '../../src/api/http-api.ts';
import type { ApiModel, TaskDesk } from '../../src/api/task-desk.ts';
import { parseWireRequest } from '../../src/api/wire-request.ts';
import { LocalEngine } from '../../src/engine/local-engine.ts';
import { MemoryDesk } from '../fixtures/memory-desk.ts';
import { dataUrl, tinyFacePng, writeTinyBundle } from '../fixtures/served-bundle.ts';
import {
  apiContract,
  type ApiUnderTest,
  type ContractAnswer,
  type ContractInput,
  type Recorded,
} from './api-contract.ts';

let folder: string;
let bundle: string;
let input: ContractInput;
let engine: LocalEngine;
let server: RunningServer;
let models: readonly ApiModel[];
const apis: Partial<Record<'engine' | 'handler' | 'serve', ApiUnderTest>> = {};

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'likeness-contract-'));
  bundle = join(folder, 'bundle');
  await writeTinyBundle(bundle, { weights: 'quantised', manifest: { safetyChecked: false } });
  const grey = { width: 64, height: 64, data: new Uint8ClampedArray(64 * 64 * 4).fill(128) };
  const blank = Buffer.from(await (await nodeImageCodec.encode(grey, 'png')).arrayBuffer());
  input = { face: dataUrl(await tinyFacePng()), blank: dataUrl(blank) };

  const served = await readModels([bundle]);
  models = served.models;
  engine = new LocalEngine({
    spawn: () => spawnThread({ folders: served.folders }),
    setup: { modelsUrl: '', inferenceType: 'a100', backend: 'auto' },
    lockWatch: null,
  });
  apis.engine = engineApi(new MemoryDesk(engine, models));
  apis.handler = handlerApi(new MemoryDesk(engine, models));
  server = await startServing(['--port', '0', '--bundle', bundle, '--data', join(folder, 'data')], () => undefined);
  apis.serve = httpApi((path, init) => fetch(new URL(path, server.url), init));
});
afterAll(async () => {
  await server.close();
  await engine.close();
  await rm(folder, { recursive: true });
});

const names = ['engine', 'handler', 'serve'] as const;
const recorded = Object.fromEntries(names.map((name) => [name, { envelopes: {}, files: {} }])) as Record<
  (typeof names)[number],
  Recorded
>;
for (const name of names) {
  describe(name, () => {
    apiContract(
      () => apis[name]!,
      () => input,
      recorded[name],
    );
  });
}

it.each(['handler', 'serve'] as const)('%s: the same envelopes and the same bytes as the engine', (name) => {
  expect(Object.keys(recorded.engine.envelopes)).toHaveLength(18);
  expect(recorded[name].envelopes).toEqual(recorded.engine.envelopes);
  expect(Object.keys(recorded.engine.files)).toHaveLength(5);
  expect(recorded[name].files).toEqual(recorded.engine.files);
});

it('likeness generate: the same bytes', async () => {
  vi.spyOn(console, 'log').mockImplementation(() => undefined);
  const [face, out] = [join(folder, 'face.png'), join(folder, 'out')];
  await writeFile(face, await tinyFacePng());
  await runGenerate([
    ...['--bundle', bundle, '--out', out, '--image', face, '--prompt', 'a portrait in a red shirt'],
    ...['--seed', '4294967295', '--batch', '2', '--size', '300x260', '--steps', '3'],
  ]);
  for (const [index, file] of ['0-4294967295.png', '1-0.png'].entries()) {
    expect((await readFile(join(out, file))).toString('base64')).toBe(recorded.serve.files[`batch ${index}`]);
  }
});

it('the shipped starter, in every budget: serve and generate give the same bytes', async () => {
  vi.spyOn(console, 'log').mockImplementation(() => undefined);
  const starter = await startServing(['--port', '0', '--data', join(folder, 'starter')], () => undefined);
  try {
    const api = httpApi((path, init) => fetch(new URL(path, starter.url), init));
    const sample = await readFile(new URL('../../public/samples/face-1.webp', import.meta.url));
    const image = `data:image/webp;base64,${sample.toString('base64')}`;
    const file = join(folder, 'request.json');
    for (const inference_type of ['a10g', 'a100', 'h100']) {
      const request = { image, prompt: 'a smiling woman in a red jacket', seed: 3, inference_type };
      const { envelope } = await api.generate(request);
      expect(envelope).toMatchObject({ status: 'SUCCESS', app_id: 'starter' });
      await writeFile(file, JSON.stringify(request));
      const out = join(folder, inference_type);
      await runGenerate(['--bundle', await starterBundle(), '--out', out, '--request', file]);
      const served = await api.picture((envelope.output!.result as string[])[0]!);
      expect(Buffer.compare(await readFile(join(out, '0-3.png')), served)).toBe(0);
    }
  } finally {
    await starter.close();
  }
}, 60_000);

/** Straight to the engine: what the SDK does, without HTTP. */
function engineApi(desk: MemoryDesk): ApiUnderTest {
  const base = 'http://engine.test/';
  const refused = (thrown: unknown): ContractAnswer => {
    const error = toApiError(thrown);
    return { status: error.httpStatus, envelope: refusalEnvelope(error) };
  };
  const answer = async (taskId: string, sync: boolean): Promise<ContractAnswer> => {
    const report = await desk.report(taskId);
    if (report === undefined) {
      return refused(
        new HttpRefusal(404, 'Task Not Found', 'There is no task with this id; it may have been deleted.'),
      );
    }
    return { status: sync ? taskHttpStatus(report) : 200, envelope: taskEnvelope(report, base) };
  };
  return {
    async generate(json) {
      try {
        const context = { models: new Map(models.map(({ id, limits }) => [id, limits])), defaultModel: 'tiny' };
        const normalised = parseWireRequest(JSON.parse(JSON.stringify(json)), { ...context, randomSeed: () => 1 });
        const taskId = await desk.submit({ taskId: crypto.randomUUID(), ...normalised });
        if (!normalised.request.celery) await desk.ended(taskId);
        return await answer(taskId, true);
      } catch (error) {
        return refused(error);
      }
    },
    task: (taskId) => answer(taskId, false),
    async cancel(taskId) {
      await desk.cancel(taskId);
      return answer(taskId, false);
    },
    models: () => Promise.resolve({ status: 200, envelope: modelsEnvelope(models) }),
    async picture(url) {
      const [, taskId, index] = /results\/(.*)\/(\d+)\./.exec(url)!;
      return new Uint8Array(await (await desk.picture(taskId!, Number(index)))!.arrayBuffer());
    },
  };
}

function handlerApi(desk: TaskDesk): ApiUnderTest {
  const handler = createHttpApi({
    desk,
    base: () => new URL('http://handler.test/app/'),
    randomSeed: () => 1,
    newTaskId: () => crypto.randomUUID(),
    syncLimitMs: 60_000,
    maxBodyBytes: 2 ** 24,
  });
  return httpApi((path, init) => handler(new Request(new URL(path, 'http://handler.test/app/'), init)));
}

function httpApi(send: (path: string, init?: RequestInit) => Promise<Response>): ApiUnderTest {
  const answer = async (path: string, init?: RequestInit): Promise<ContractAnswer> => {
    const response = await send(path, init);
    return { status: response.status, envelope: (await response.json()) as Envelope };
  };
  const post = (path: string, body: unknown): Promise<ContractAnswer> =>
    answer(path, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) });
  return {
    generate: (request) => post('getImagetoImage', request),
    task: (id) => post('getImage', { id }),
    cancel: (id) => post('cancelTask', { id }),
    models: () => answer('list_of_Apps'),
    picture: async (url) => new Uint8Array(await (await send(url)).arrayBuffer()),
  };
}
