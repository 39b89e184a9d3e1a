/** Requests drawn by lot: whatever comes in, an answer in the envelope goes out, with every bad field in it. */
import { expect, it } from 'vitest';
import { httpBench, type Answer } from '../../fixtures/http-bench.ts';

const COUNT = 3000;
const KEYS = ['time_required', 'error', 'error_data', 'input', 'output', 'app_id', 'task_id', 'status'];

/** mulberry32 (public domain, T. Ettinger): the same requests in every run. */
function lot(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

const PICTURE = 'https://pictures.test/a.png';
const POINTS = [1, 2, 3, 4, 5].map((i) => [i, i * i]);

/** Values that each field takes. */
const RIGHT: Readonly<Record<string, readonly unknown[]>> = {
  app_id: ['test', 'default'],
  image: [PICTURE, 'data:,x'],
  prompt: ['a', 'ü😀\ud800', 'x'.repeat(4000)],
  negative_prompt: ['', 'hat'],
  batch: [1, 8, 3],
  height: [256, 1536, 257],
  width: [256, 1536, 999],
  num_inference_steps: [1, 50],
  guidance_scale: [1, 30, 2.5],
  strength: [0, 1, 1e-9],
  denoise: [0, 1, 0.3],
  face_strength: [0, 2],
  min_likeness: [-1, 1, null],
  max_attempts: [1, 10],
  face_index: [0, 99, null],
  seed: [0, 2 ** 32 - 1],
  celery: [true, false],
  keep_background: [true, false],
  inference_type: ['a10g', 'a100', 'h100'],
  scheduler: ['ddim', 'lcm', 'euler', 'dpmpp-2m'],
  output_format: ['png', 'webp', 'jpeg'],
  reference_images: [[], [PICTURE]],
  face_points: [POINTS, null],
};
/** Values that no field takes. */
const WRONG: readonly unknown[] = [{}, { a: [] }, [[]], [{}], -5e9, 1e308, { length: 3 }, { kind: 'url' }, [null]];
const NOISE = ['__proto__', 'constructor', 'toString', 'size', '', 'image ', 'IMAGE'];
const PATHS = ['/getImagetoImage', '/GetImageToImage', '/getImage', '/cancelTask'];

it(`${COUNT} requests drawn by lot`, async () => {
  const bench = httpBench();
  const random = lot(20_240_817);
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)]!;
  const tally = { accepted: 0, refused: 0, others: 0 };

  for (let i = 0; i < COUNT; i++) {
    if (random() < 0.15) {
      const answer = await bench.post(pick(PATHS), mangled(random, pick));
      expectEnvelope(answer);
      tally.others++;
      continue;
    }
    const pairs: [string, unknown][] = [];
    const bad: string[] = [];
    const wrongShare = pick([0, 0.1, 0.5]);
    for (const [field, values] of Object.entries(RIGHT)) {
      const required = field === 'image' || field === 'prompt';
      if (random() < (required ? 0.05 : 0.5)) {
        if (required) bad.push(field);
        continue;
      }
      const wrong = random() < wrongShare;
      if (wrong) bad.push(field);
      pairs.push([field, wrong ? pick(WRONG) : pick(values)]);
    }
    if (random() < 0.3) pairs.push([pick(NOISE), pick(WRONG)]);
    // Written by hand: an object literal would swallow __proto__.
    const body = `{${pairs.map(([key, value]) => `${JSON.stringify(key)}:${JSON.stringify(value)}`).join(',')}}`;
    const answer = await bench.post(pick(PATHS.slice(0, 2)), body);
    expectEnvelope(answer);
    expect([body, answer.status]).toEqual([body, bad.length > 0 ? 422 : 200]);
    const named = [...(answer.envelope.error_data ?? '').matchAll(/(\w+) must be /g)].map(([, field]) => field);
    expect(named.sort()).toEqual(bad.sort());
    tally[bad.length > 0 ? 'refused' : 'accepted']++;
  }
  expect(bench.internal).toEqual([]);
  expect(Object.values(tally).every((count) => count > 300)).toBe(true);
});

function expectEnvelope({ status, envelope }: Answer): void {
  expect(Object.keys(envelope).slice(0, KEYS.length)).toEqual(KEYS);
  expect(status).toBeLessThan(500);
  expect(['PENDING', 'SUCCESS', 'FAILED']).toContain(envelope.status);
  expect(envelope.error === null).toBe(envelope.status !== 'FAILED');
}

/** JSON with characters taken out, doubled or replaced. */
function mangled(random: () => number, pick: <T>(list: readonly T[]) => T): string {
  const text = Array.from(JSON.stringify({ image: PICTURE, prompt: 'x', id: 'y', batch: pick([1, 9]) }));
  for (let times = 0; times < 3; times++) {
    const at = Math.floor(random() * text.length);
    text[at] = pick(['', text[at]! + text[at]!, '"', '{', '\u0000', '\\', '9']);
  }
  return text.join('');
}
