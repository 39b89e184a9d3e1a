/** Every field over HTTP: both ends, just outside, wrong types, missing. */
import { expect, it } from 'vitest';
import { FIELD_CASES, POINTS, URLS } from '../../fixtures/field-cases.ts';
import { GOOD_REQUEST, httpBench } from '../../fixtures/http-bench.ts';

it('the cases above are all fields', async () => {
  const { post } = httpBench();
  const { envelope } = await post('/getImagetoImage', GOOD_REQUEST);
  expect(Object.keys(FIELD_CASES).sort()).toEqual(Object.keys(envelope.input!).sort());
});

for (const [field, { good, bad, required }] of Object.entries(FIELD_CASES)) {
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
  const worst = Object.fromEntries(Object.entries(FIELD_CASES).map(([field, { bad }]) => [field, bad.at(-1)]));
  const { status, envelope } = await post('/getImagetoImage', worst);
  expect(status).toBe(422);
  for (const field of Object.keys(FIELD_CASES)) expect(envelope.error_data).toContain(`${field} must be `);
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
