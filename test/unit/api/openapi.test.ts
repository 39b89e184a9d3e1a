import { Validator } from '@seriousme/openapi-schema-validator';
import { expect, it } from 'vitest';
import { AppError } from '../../../src/domain/errors.ts';
import { REQUEST_FIELDS, type FieldSpec, type RequestField } from '../../../src/domain/request-fields.ts';
import { API_ERRORS } from '../../../src/api/api-error.ts';
import { wireName } from '../../../src/api/wire-request.ts';
import { FIELD_CASES } from '../../fixtures/field-cases.ts';
import { GOOD_REQUEST, httpBench } from '../../fixtures/http-bench.ts';
import { OPENAPI, openapiProblems, openapiSchema } from '../../fixtures/openapi.ts';

it('the document is OpenAPI 3.1', async () => {
  const validator = new Validator();
  expect(await validator.validate(structuredClone(OPENAPI))).toMatchObject({ valid: true });
  expect(validator.version).toBe('3.1');
});

it('accepts the requests that the API accepts, and refuses the others', () => {
  const isRequest = openapiSchema('Request');
  // Which ids are known is not in the document; that five points may not lie in one place, no schema can say.
  const unsaid = (field: string, value: unknown): boolean =>
    (field === 'face_points' && Array.isArray(value) && JSON.stringify(value[0]) === JSON.stringify(value[1])) ||
    value === 'https://';
  for (const [field, { good, bad, required }] of Object.entries(FIELD_CASES)) {
    for (const value of good)
      expect([field, value, isRequest({ ...GOOD_REQUEST, [field]: value })]).toEqual([field, value, true]);
    for (const value of bad.filter((other) => !unsaid(field, other))) {
      expect([field, value, isRequest({ ...GOOD_REQUEST, [field]: value })]).toEqual([field, value, false]);
    }
    expect(isRequest({ ...GOOD_REQUEST, [field]: null })).toBe(!required);
  }
});

it('has the ranges of the field rules and the names of the errors', () => {
  const schemas = OPENAPI.components.schemas;
  const fields = schemas.Request!.properties as Record<string, { minimum?: number; maximum?: number }>;
  for (const field of Object.keys(REQUEST_FIELDS) as RequestField[]) {
    const { range }: FieldSpec<unknown>['rule'] = REQUEST_FIELDS[field].rule;
    const { minimum, maximum } = fields[wireName(field)]!;
    expect([field, minimum, maximum]).toEqual([field, range?.min, range?.max]);
  }
  const { error } = schemas.Envelope!.properties as { error: { enum: unknown[] } };
  expect(error.enum).toEqual([null, ...API_ERRORS]);
});

it('describes every kind of answer', async () => {
  const bench = httpBench();
  const check = async (path: string, body: unknown, headers: Record<string, string> = {}): Promise<number> => {
    const { status, envelope } = await bench.post(path, body, headers);
    expect(openapiProblems(path, 'POST', status, envelope)).toEqual([]);
    return status;
  };
  expect(await check('/getImagetoImage', { ...GOOD_REQUEST, num_inference_steps: 50, batch: 3 })).toBe(200);
  expect(await check('/getImagetoImage', { ...GOOD_REQUEST, face_index: 0, min_likeness: 0 })).toBe(200);
  expect(await check('/getImagetoImage', { batch: 0 })).toBe(422);
  expect(await check('/getImagetoImage', { ...GOOD_REQUEST, app_id: 'x' })).toBe(404);
  expect(await check('/getImagetoImage', GOOD_REQUEST, { 'Content-Type': 'text/plain' })).toBe(415);
  expect(await check('/getImagetoImage', GOOD_REQUEST, { Origin: 'https://evil.test' })).toBe(403);
  expect(await check('/getImagetoImage', `"${'x'.repeat(200_000)}"`)).toBe(413);
  expect(await check('/getImage', { id: 'nobody' })).toBe(404);
  expect(await check('/cancelTask', {})).toBe(422);

  bench.engine.gate = () => new Promise(() => undefined);
  const queued = await bench.post('/getImagetoImage', { ...GOOD_REQUEST, celery: true });
  const id = queued.envelope.task_id;
  expect(openapiProblems('/getImagetoImage', 'POST', queued.status, queued.envelope)).toEqual([]);
  expect(await check('/getImage', { id })).toBe(200);
  expect(await check('/cancelTask', { id })).toBe(200);
  for (const [error, status] of [
    [new AppError('no-face', 'x'), 422],
    [new AppError('device-lost', 'x'), 500],
    [new AppError('unavailable', 'x'), 503],
    [new AppError('cancelled', 'x'), 409],
  ] as const) {
    bench.engine.gate = () => Promise.reject(error);
    expect(await check('/getImagetoImage', GOOD_REQUEST)).toBe(status);
  }

  for (const [path, method] of [
    ['/list_of_Apps', 'GET'],
    ['/list_of_Apps', 'DELETE'],
    ['/nowhere', 'GET'],
  ] as const) {
    const { status, envelope } = await bench.send(path, { method });
    expect(openapiProblems(path, method, status, envelope)).toEqual([]);
  }
});
