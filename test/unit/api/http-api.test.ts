import { describe, expect, it } from 'vitest';
import { AppError } from '../../../src/domain/errors.ts';
import { GOOD_REQUEST, httpBench } from '../../fixtures/http-bench.ts';
import { settle } from '../engine/engine-contract.ts';

const KEYS = ['time_required', 'error', 'error_data', 'input', 'output', 'app_id', 'task_id', 'status'];

describe('a synchronous call', () => {
  it('is answered with its pictures', async () => {
    const { post, send } = httpBench();
    const { status, envelope } = await post('/getImagetoImage', { ...GOOD_REQUEST, batch: 2, seed: 2 ** 32 - 1 });
    expect(status).toBe(200);
    expect(Object.keys(envelope)).toEqual(expect.arrayContaining(KEYS));
    expect(envelope).toMatchObject({
      status: 'SUCCESS',
      error: null,
      error_data: null,
      app_id: 'test',
      input: { app_id: 'test', batch: 2, num_inference_steps: 4, image: GOOD_REQUEST.image },
      seeds: [2 ** 32 - 1, 0],
      likeness: [0.5, 0.5],
      time_required: { startup_time: 0, runtime: 0.001 },
      output: { Has_NSFW_Content: [false, false] },
    });
    const [, second] = envelope.output!.result as string[];
    expect(second).toBe(`http://127.0.0.1:8787/results/${envelope.task_id}/1.png`);
    expect(envelope.output!.low_res_urls).toEqual(envelope.output!.result);
    const picture = await send(new URL(second!).pathname);
    expect([picture.status, picture.envelope]).toEqual([200, 0]);
    expect(picture.headers.get('Content-Type')).toBe('image/png');
  });

  it('tells adjustments in the names of the API', async () => {
    const { post } = httpBench();
    const { envelope } = await post('/getImagetoImage', { ...GOOD_REQUEST, num_inference_steps: 50 });
    expect(envelope.adjustments).toEqual([
      { field: 'num_inference_steps', from: 50, to: 8, reason: 'steps-limited-by-bundle' },
    ]);
  });

  it('that takes longer than the limit is answered PENDING, and the task goes on', async () => {
    const bench = httpBench({ syncLimitMs: 5 });
    let go = (): void => undefined;
    bench.engine.gate = () => new Promise((resolve) => (go = resolve));
    const { status, envelope } = await bench.post('/getImagetoImage', GOOD_REQUEST);
    expect([status, envelope.status, envelope.output]).toEqual([200, 'PENDING', null]);
    go();
    await settle();
    expect((await bench.post('/getImage', { id: envelope.task_id })).envelope.status).toBe('SUCCESS');
  });

  it.each([
    [
      new AppError('no-face', 'x'),
      422,
      'Face Consistent Error',
      /^Unable to detect faces. Please provide a clear image.$/,
    ],
    [
      new AppError('image-unreachable', 'a.test cannot be reached.'),
      422,
      'Image URL Error',
      /^a.test cannot be reached.$/,
    ],
    [new AppError('image-corrupt', 'Damaged.'), 422, 'Image URL Error', /^Damaged.$/],
    [new AppError('out-of-memory', 'Too much.'), 500, 'Internal Error', /^Too much. \(out-of-memory\)$/],
    [new Error('secret /home/me'), 500, 'Internal Error', /^[^/]*\(internal\)$/],
  ])('that fails: %s', async (thrown, status, error, data) => {
    const bench = httpBench();
    bench.engine.gate = () => Promise.reject(thrown);
    const answer = await bench.post('/getImagetoImage', GOOD_REQUEST);
    expect(answer.status).toBe(status);
    expect(answer.envelope).toMatchObject({ status: 'FAILED', error, output: null, app_id: 'test' });
    expect(answer.envelope.error_data).toMatch(data);
    const asked = await bench.post('/getImage', { id: answer.envelope.task_id });
    expect([asked.status, asked.envelope]).toEqual([200, answer.envelope]);
  });
});

describe('a queued call', () => {
  it('is answered at once, asked after, and cancelled', async () => {
    const bench = httpBench();
    bench.engine.gate = () => new Promise(() => undefined);
    const { envelope, status } = await bench.post('/getImagetoImage', { ...GOOD_REQUEST, celery: true });
    expect([status, envelope.status, envelope.output, envelope.queue_position]).toEqual([200, 'PENDING', null, 0]);
    const asked = await bench.post('/getImage', { task_id: envelope.task_id, ref_id: 'x' });
    expect(asked.envelope).toMatchObject({ status: 'PENDING', task_id: envelope.task_id, seeds: [42] });
    const cancelled = await bench.post('/cancelTask', { id: envelope.task_id });
    expect(cancelled.status).toBe(200);
    expect(cancelled.envelope).toMatchObject({ status: 'FAILED', error: 'Cancelled', output: null });
  });

  it.each(['/getImage', '/cancelTask'])('%s: an unknown id is FAILED with 404, a missing one named', async (path) => {
    const { post } = httpBench();
    expect(await post(path, { id: 'nobody' })).toMatchObject({
      status: 404,
      envelope: { status: 'FAILED', error: 'Task Not Found', task_id: null },
    });
    for (const body of [{}, [], null, 3, { id: 5 }, { id: '' }, { id: null }]) {
      expect(await post(path, body)).toMatchObject({ status: 422, envelope: { error: 'Input Validation Error' } });
    }
  });
});

describe('paths, methods and bodies', () => {
  it.each(['/getImagetoImage', '/getImageToImage', '/GETIMAGETOIMAGE', '/getimagetoimage/'])('%s', async (path) => {
    expect((await httpBench().post(path, GOOD_REQUEST)).status).toBe(200);
  });

  it('lists the models', async () => {
    const { send } = httpBench();
    for (const path of ['/list_of_Apps', '/LIST_OF_APPS']) {
      const { status, envelope } = await send(path);
      expect(status).toBe(200);
      expect(Object.keys(envelope)).toEqual(expect.arrayContaining(KEYS));
      expect(envelope).toMatchObject({
        status: 'SUCCESS',
        output: { result: [{ app_id: 'test', title: 'Test', installed: true, native: { width: 256, height: 256 } }] },
      });
    }
  });

  it.each([
    ['/nowhere', 'GET', 404],
    ['/', 'GET', 404],
    ['/results/00000000-0000-4000-8000-000000000000/0.png', 'GET', 404],
    ['/results/../list_of_Apps/x', 'GET', 404],
    ['/results/x/0.exe', 'GET', 404],
    ['/getImagetoImage', 'GET', 405],
    ['/getImage', 'PUT', 405],
    ['/cancelTask', 'DELETE', 405],
    ['/list_of_Apps', 'POST', 405],
  ])('%s by %s: %i, in the envelope', async (path, method, status) => {
    const answer = await httpBench().send(path, { method });
    expect(answer).toMatchObject({ status, envelope: { status: 'FAILED' } });
    if (status === 405) expect(answer.headers.get('Allow')).toMatch(/(GET|POST).*OPTIONS/);
  });

  it('HEAD has no body', async () => {
    expect(await httpBench().send('/list_of_Apps', { method: 'HEAD' })).toMatchObject({ status: 200, envelope: null });
  });

  it.each([
    ['text/plain', 415],
    ['application/x-www-form-urlencoded', 415],
    ['multipart/form-data; boundary=x', 415],
    ['application/jsonp', 415],
    ['', 415],
    ['Application/JSON; charset=utf-8', 200],
  ])('content type "%s": %i', async (type, status) => {
    const bench = httpBench();
    expect((await bench.post('/getImagetoImage', GOOD_REQUEST, { 'Content-Type': type })).status).toBe(status);
    expect(bench.engine.submitted).toHaveLength(status === 200 ? 1 : 0);
  });

  it('a body that is no object', async () => {
    const { post } = httpBench();
    const deep = '['.repeat(40_000) + ']'.repeat(40_000);
    for (const body of ['', '{', 'null', '[]', '"x"', '3', '{"image":}', '\u0000', deep, `{"app_id":${deep}}`]) {
      expect(await post('/getImagetoImage', body)).toMatchObject({
        status: 422,
        envelope: { status: 'FAILED', error: 'Input Validation Error' },
      });
    }
  });

  it('a body over the limit is refused, announced or not', async () => {
    const { post, send } = httpBench();
    const body = JSON.stringify({ ...GOOD_REQUEST, image: `data:image/png;base64,${'A'.repeat(100_000)}` });
    expect(await post('/getImagetoImage', body)).toMatchObject({
      status: 413,
      envelope: { error: 'Request Too Large', error_data: expect.stringContaining('100000') as unknown },
    });
    const streamed = await send('/getImagetoImage', {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: new Blob([body]).stream(),
      duplex: 'half',
    } as RequestInit);
    expect(streamed.status).toBe(413);
  });

  it('models by name: aliases, unknown, wrong type, not installed', async () => {
    const { post } = httpBench();
    for (const app_id of ['test', 'default', 'ap-SwsTOsD7STxJ0obCkskUHw', null]) {
      expect((await post('/getImagetoImage', { ...GOOD_REQUEST, app_id })).envelope.app_id).toBe('test');
    }
    expect(await post('/getImagetoImage', { ...GOOD_REQUEST, app_id: 'sd99' })).toMatchObject({
      status: 404,
      envelope: { error: 'Service Not Found', error_data: expect.stringMatching(/"sd99".*known: test/) as unknown },
    });
    const wrong = await post('/getImagetoImage', { app_id: [1], batch: 9, image: 'x', prompt: 'x' });
    expect(wrong.status).toBe(422);
    for (const field of ['app_id', 'batch', 'image']) expect(wrong.envelope.error_data).toContain(`${field} must be`);
  });
});

describe('calls from other sites', () => {
  const starts = async (headers: Record<string, string>, options = {}): Promise<[number, number]> => {
    const bench = httpBench(options);
    const { status } = await bench.post('/getImagetoImage', GOOD_REQUEST, headers);
    return [status, bench.engine.submitted.length];
  };

  it.each<Record<string, string>>([
    { Origin: 'https://evil.test' },
    { Origin: 'null' },
    { Origin: 'http://127.0.0.1:8788' },
    { Origin: 'http://localhost:8787' },
    { 'Sec-Fetch-Site': 'cross-site' },
    { 'Sec-Fetch-Site': 'same-site' },
    { 'Sec-Fetch-Mode': 'navigate', 'Sec-Fetch-Site': 'none' },
    { Origin: 'http://127.0.0.1:8787', 'Sec-Fetch-Mode': 'navigate', 'Sec-Fetch-Site': 'same-origin' },
  ])('%j starts nothing', async (headers) => {
    expect(await starts(headers)).toEqual([403, 0]);
  });

  it.each<Record<string, string>>([
    {},
    { Origin: 'http://127.0.0.1:8787', 'Sec-Fetch-Site': 'same-origin', 'Sec-Fetch-Mode': 'cors' },
    { 'Sec-Fetch-Site': 'none' },
  ])('%j is let in', async (headers) => {
    expect(await starts(headers)).toEqual([200, 1]);
  });

  it('allowed origins are let in, with CORS headers also on refusals', async () => {
    const allowedOrigins = ['https://app.test'];
    const headers = { Origin: 'https://app.test', 'Sec-Fetch-Site': 'cross-site', 'Sec-Fetch-Mode': 'cors' };
    expect(await starts(headers, { allowedOrigins })).toEqual([200, 1]);
    expect(await starts({ Origin: 'https://app.test.evil' }, { allowedOrigins })).toEqual([403, 0]);
    const { post } = httpBench({ allowedOrigins });
    const refused = await post('/getImagetoImage', {}, headers);
    expect(refused.headers.get('Access-Control-Allow-Origin')).toBe('https://app.test');
    expect(refused.headers.get('Vary')).toContain('Origin');
  });

  it('a preflight is answered, for allowed origins only, before a token is asked for', async () => {
    const { send } = httpBench({
      allowedOrigins: ['https://app.test'],
      admit: () => Promise.reject(new AppError('unauthorized', 'No.')),
    });
    const ask = (origin: string) =>
      send('/getImagetoImage', {
        method: 'OPTIONS',
        headers: {
          Origin: origin,
          'Access-Control-Request-Method': 'POST',
          'Access-Control-Request-Private-Network': 'true',
        },
      });
    const { status, headers } = await ask('https://app.test');
    expect(status).toBe(204);
    expect(headers.get('Access-Control-Allow-Origin')).toBe('https://app.test');
    expect(headers.get('Access-Control-Allow-Methods')).toBe('POST');
    expect(headers.get('Access-Control-Allow-Headers')).toContain('authorization');
    expect(headers.get('Access-Control-Allow-Private-Network')).toBe('true');
    const other = await ask('https://evil.test');
    expect(other.status).toBe(403);
    expect(other.headers.get('Access-Control-Allow-Origin')).toBeNull();
  });
});

it('refusals carry their headers', async () => {
  const limited = httpBench({
    admit: () => Promise.reject(new AppError('rate-limited', 'Wait.', { details: { retryAfterSeconds: 1.2 } })),
  });
  const answer = await limited.post('/getImage', {});
  expect([answer.status, answer.headers.get('Retry-After')]).toEqual([429, '2']);
  const closed = httpBench({ admit: () => Promise.reject(new AppError('unauthorized', 'No.')) });
  expect((await closed.post('/getImage', {})).headers.get('WWW-Authenticate')).toBe('Bearer');
});

it('an Idempotency-Key that is no key is refused', async () => {
  const { post } = httpBench();
  expect((await post('/getImagetoImage', GOOD_REQUEST, { 'Idempotency-Key': 'x'.repeat(256) })).status).toBe(422);
  expect((await post('/getImagetoImage', GOOD_REQUEST, { 'Idempotency-Key': 'a b' })).status).toBe(422);
});
