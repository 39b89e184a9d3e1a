import { expect, it } from 'vitest';
import type { Envelope } from '../../src/api/envelope.ts';
import { openapiProblems } from '../fixtures/openapi.ts';

/** One way to the API. Each of its calls gives what that way answers, refusals included. */
export interface ApiUnderTest {
  generate(request: unknown): Promise<ContractAnswer>;
  task(taskId: string): Promise<ContractAnswer>;
  cancel(taskId: string): Promise<ContractAnswer>;
  models(): Promise<ContractAnswer>;
  /** The bytes behind one of the answer's addresses. */
  picture(url: string): Promise<Uint8Array>;
}

export interface ContractAnswer {
  /** HTTP status, also where there is no HTTP. */
  readonly status: number;
  readonly envelope: Envelope;
}

export interface ContractInput {
  /** A picture with a face, and one without, as data: URLs. */
  readonly face: string;
  readonly blank: string;
}

/** What every way to the API answers to the same requests, for comparison: envelopes but for ids and times, and files. */
export interface Recorded {
  readonly envelopes: Record<string, unknown>;
  readonly files: Record<string, string>;
}

/** Registers the suite. Calls of one `make` share state; the answers are collected in `recorded`. */
export function apiContract(make: () => ApiUnderTest, input: () => ContractInput, recorded: Recorded): void {
  const note = (name: string, path: string, { status, envelope }: ContractAnswer): Envelope => {
    expect(openapiProblems(path, path === '/list_of_Apps' ? 'GET' : 'POST', status, envelope)).toEqual([]);
    recorded.envelopes[name] = { status, envelope: withoutIdsAndTimes(envelope) };
    return envelope;
  };
  const basic = () => ({ image: input().face, prompt: 'a portrait in a red shirt', seed: 4_294_967_295 });

  it('makes pictures of the asked size, with seeds and likeness', async () => {
    const request = { ...basic(), batch: 2, width: 300, height: 260, num_inference_steps: 3 };
    const envelope = note('batch', '/getImagetoImage', await make().generate(request));
    expect(envelope).toMatchObject({ status: 'SUCCESS', seeds: [4_294_967_295, 0], error: null });
    expect(envelope.adjustments.map(({ reason }) => reason)).toContain('rendered-at-native-size');
    await noteFiles('batch', envelope);
    expect(recorded.files['batch 0']).not.toBe(recorded.files['batch 1']);
  });

  it('image k is the single run with its seed', async () => {
    const request = { ...basic(), seed: 0, width: 300, height: 260, num_inference_steps: 3 };
    const envelope = note('single', '/getImagetoImage', await make().generate(request));
    await noteFiles('single', envelope);
    expect(recorded.files['single 0']).toBe(recorded.files['batch 1']);
  });

  it('every field has its way in', async () => {
    const request = {
      ...basic(),
      app_id: 'ap-SwsTOsD7STxJ0obCkskUHw',
      negative_prompt: 'hat',
      guidance_scale: 2,
      strength: 0.5,
      denoise: 0.7,
      face_strength: 0.8,
      reference_images: [input().face],
      face_index: 0,
      scheduler: 'euler',
      keep_background: true,
      min_likeness: -1,
      max_attempts: 2,
      inference_type: 'a10g',
      output_format: 'webp',
      celery: false,
    };
    const envelope = note('everything', '/getImagetoImage', await make().generate(request));
    expect(envelope.error_data).toBeNull();
    // Pictures that came along are named, not repeated.
    const named = expect.stringMatching(/^data:image\/png,\(\d+ characters\)$/) as unknown;
    expect(envelope.input).toMatchObject({ ...request, app_id: 'tiny', image: named, reference_images: [named] });
    await noteFiles('everything', envelope);
  });

  it('queues, tells how it stands, and ends', async () => {
    const api = make();
    const queued = note('queued', '/getImagetoImage', await api.generate({ ...basic(), celery: true }));
    expect([queued.status, queued.output]).toEqual(['PENDING', null]);
    let asked = await api.task(queued.task_id!);
    for (let i = 0; i < 600 && asked.envelope.status === 'PENDING'; i++) {
      await new Promise((resolve) => setTimeout(resolve, 20));
      asked = await api.task(queued.task_id!);
    }
    const ended = note('queued, ended', '/getImage', asked);
    expect([ended.status, ended.task_id]).toEqual(['SUCCESS', queued.task_id]);
    await noteFiles('queued', ended);
    // What has ended cannot be cancelled any more.
    note('cancelled late', '/cancelTask', await api.cancel(queued.task_id!));
  });

  it('cancels', async () => {
    const api = make();
    const long = { ...basic(), celery: true, batch: 8, num_inference_steps: 50 };
    const { envelope } = await api.generate(long);
    const cancelled = note('cancelled', '/cancelTask', await api.cancel(envelope.task_id!));
    expect(cancelled).toMatchObject({ status: 'FAILED', error: 'Cancelled' });
    note('cancelled, asked', '/getImage', await api.task(envelope.task_id!));
  });

  it('refuses', async () => {
    const api = make();
    const cases: Record<string, unknown> = {
      'no face': { ...basic(), image: input().blank },
      'no picture': { ...basic(), image: 'data:text/html,<p>no picture</p>' },
      'no such face': { ...basic(), face_index: 7 },
      'bad fields': { ...basic(), batch: 9, width: 1, strength: '1', prompt: undefined },
      'unknown model': { ...basic(), app_id: 'sd99' },
      nothing: {},
      'no object': [],
    };
    const expected = [422, 422, 422, 422, 404, 422, 422];
    for (const [name, request] of Object.entries(cases)) note(name, '/getImagetoImage', await api.generate(request));
    const statuses = Object.keys(cases).map((name) => (recorded.envelopes[name] as ContractAnswer).status);
    expect(statuses).toEqual(expected);
    const { error_data } = (recorded.envelopes['bad fields'] as ContractAnswer).envelope;
    for (const field of ['batch', 'width', 'strength', 'prompt']) expect(error_data).toContain(`${field} must be`);
    note('unknown task', '/getImage', await api.task('nobody'));
    note('unknown task, cancelled', '/cancelTask', await api.cancel('nobody'));
  });

  it('lists the models', async () => {
    const envelope = note('models', '/list_of_Apps', await make().models());
    expect(envelope.output!.result).toMatchObject([{ app_id: 'tiny', installed: true }]);
  });

  async function noteFiles(name: string, envelope: Envelope): Promise<void> {
    for (const [index, url] of (envelope.output!.result as string[]).entries()) {
      recorded.files[`${name} ${index}`] = Buffer.from(await make().picture(url)).toString('base64');
    }
  }
}

/** Ids and addresses are named by what they are; durations become 0. */
function withoutIdsAndTimes(envelope: Envelope): unknown {
  const { output, timings } = envelope;
  const named = (url: unknown): unknown => (typeof url === 'string' ? url.replace(/^.*\//, '') : url);
  return {
    ...envelope,
    time_required: 'seconds',
    task_id: typeof envelope.task_id,
    timings: Object.keys(timings),
    eta_ms: 'ms',
    output: output && { ...output, result: output.result.map(named), low_res_urls: output.low_res_urls.map(named) },
  };
}
