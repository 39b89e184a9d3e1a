/** Every field over HTTP: both ends, just outside, wrong types, missing. */
import { expect, it } from 'vitest';
import { GOOD_REQUEST, httpBench } from '../../fixtures/http-bench.ts';

const POINTS = [
  [10, 10],
  [30, 10],
  [20, 20],
  [12, 30],
  [28, 30],
];
const U32_MAX = 2 ** 32 - 1;
const URLS = (count: number): string[] => Array.from({ length: count }, (_, i) => `https://pictures.test/${i}.png`);

interface FieldCase {
  readonly good: readonly unknown[];
  readonly bad: readonly unknown[];
  readonly required?: true;
}

const text = (value: number): string => 'x'.repeat(value);
const numbers = (min: number, max: number, step: number): FieldCase => ({
  good: [min, max],
  bad: [min - step, max + step, String(min), true, [min], {}],
});
const whole = (min: number, max: number): FieldCase => {
  const { good, bad } = numbers(min, max, 1);
  return { good, bad: [...bad, min + 0.5] };
};
const word = (...good: string[]): FieldCase => ({
  good,
  bad: ['', 'nonsense', good[0]!.toUpperCase(), 1, true, [good[0]], {}],
});
const flag: FieldCase = { good: [true, false], bad: [0, 1, 'true', '', [], {}] };

const CASES: Readonly<Record<string, FieldCase>> = {
  app_id: { good: ['test', 'default', 'ap-SwsTOsD7STxJ0obCkskUHw'], bad: [1, true, [], {}, text(201)] },
  image: {
    good: ['http://a.test/x', 'https://a.test/x.png', 'HTTPS://a.test', 'data:image/png;base64,AA==', 'blob:https://a.test/1'],
    bad: ['', 'x.png', '/x.png', 'ftp://a.test/x', 'file:///etc/passwd', 'javascript:1', 'https://', 1, true, [], {}],
    required: true,
  },
  prompt: { good: ['x', text(4000)], bad: ['', '  ', text(4001), 1, true, [], {}], required: true },
  negative_prompt: { good: ['', text(4000)], bad: [text(4001), 1, true, [], {}] },
  batch: whole(1, 8),
  height: whole(256, 1536),
  width: whole(256, 1536),
  num_inference_steps: whole(1, 50),
  guidance_scale: numbers(1, 30, 0.001),
  strength: numbers(0, 1, 0.001),
  denoise: numbers(0, 1, 0.001),
  face_strength: numbers(0, 2, 0.001),
  min_likeness: numbers(-1, 1, 0.001),
  max_attempts: whole(1, 10),
  face_index: whole(0, 99),
  seed: whole(0, U32_MAX),
  celery: flag,
  keep_background: flag,
  inference_type: word('a10g', 'a100', 'h100'),
  scheduler: word('ddim', 'lcm', 'euler', 'dpmpp-2m'),
  output_format: word('png', 'webp', 'jpeg'),
  reference_images: { good: [[], URLS(1), URLS(8)], bad: [URLS(9), ['x'], [1], URLS(1)[0], {}, 1] },
  face_points: {
    good: [POINTS],
    bad: [POINTS.slice(1), [...POINTS, [1, 1]], POINTS.map(() => [1, 1]), POINTS.map(() => ['1', 1]), 'x', 1, {}],
  },
};

it('the cases above are all fields', async () => {
  const { post } = httpBench();
  const { envelope } = await post('/getImagetoImage', GOOD_REQUEST);
  expect(Object.keys(CASES).sort()).toEqual(Object.keys(envelope.input!).sort());
});

for (const [field, { good, bad, required }] of Object.entries(CASES)) {
  it(field, async () => {
    const { post } = httpBench();
    const send = (value: unknown) => post('/getImagetoImage', { ...GOOD_REQUEST, [field]: value });
    for (const value of good) {
      const { status, envelope } = await send(value);
      expect([value, status, envelope.error_data]).toEqual([value, 200, null]);
    }
    for (const value of bad) {
      const { status, envelope } = await send(value);
      expect([value, status, envelope.error]).toEqual([value, 422, 'Input Validation Error']);
      expect(envelope.error_data).toMatch(new RegExp(`^${field} must be [^;]+\\.$`));
    }
    // null counts as not given.
    for (const absent of [undefined, null]) expect((await send(absent)).status).toBe(required ? 422 : 200);
  });
}

it('all bad fields are named at once', async () => {
  const { post } = httpBench();
  const worst = Object.fromEntries(Object.entries(CASES).map(([field, { bad }]) => [field, bad.at(-1)]));
  const { status, envelope } = await post('/getImagetoImage', worst);
  expect(status).toBe(422);
  for (const field of Object.keys(CASES)) expect(envelope.error_data).toContain(`${field} must be `);
});

it('the whole answer repeats what was understood', async () => {
  const { post } = httpBench();
  const asked = { ...GOOD_REQUEST, face_points: POINTS, reference_images: URLS(2), output_format: 'jpeg' };
  const { envelope } = await post('/getImagetoImage', asked);
  expect(envelope.input).toMatchObject(asked);
  expect((envelope.output!.result as string[])[0]).toMatch(/\/0\.jpg$/);
  const data = await post('/getImagetoImage', { ...GOOD_REQUEST, image: 'data:image/png;base64,iVBORw0KGgo=' });
  expect(data.envelope.input!.image).toBe('data:image/png,(34 characters)');
});
