import { describe, expect, it } from 'vitest';
import { createAdmission, isOwnHost } from '../../../../cli/server/admission.ts';

describe('the token', () => {
  const admission = createAdmission({ token: 'right-token', requestsPerMinute: 1000 });
  it.each(['Bearer right-token', 'bearer right-token', 'Bearer  right-token '])('%j', async (header) => {
    await expect(admission.admit('a', header, true)).resolves.toBeUndefined();
  });
  it.each([
    null,
    '',
    'Bearer',
    'Bearer wrong',
    'Bearer right-toke',
    'Bearer right-token2',
    'Basic right-token',
    'right-token',
  ])('not %j', async (header) => {
    await expect(admission.admit('b', header, true)).rejects.toMatchObject({ code: 'unauthorized' });
  });
  it('is not asked for where none is needed', async () => {
    await expect(admission.admit('c', null, false)).resolves.toBeUndefined();
    const open = createAdmission({ token: null, requestsPerMinute: 10 });
    await expect(open.admit('c', null, true)).resolves.toBeUndefined();
  });
  it('cannot be guessed quickly: after ten wrong ones even the right one waits, for that address', async () => {
    const guarded = createAdmission({ token: 'right-token', requestsPerMinute: 1000 });
    for (let i = 0; i < 10; i++) {
      await expect(guarded.admit('x', `Bearer guess-${i}`, true)).rejects.toMatchObject({ code: 'unauthorized' });
    }
    await expect(guarded.admit('x', 'Bearer right-token', true)).rejects.toMatchObject({ code: 'rate-limited' });
    await expect(guarded.admit('y', 'Bearer right-token', true)).resolves.toBeUndefined();
  });
});

it('requests of one address have a limit', async () => {
  const admission = createAdmission({ token: null, requestsPerMinute: 3 });
  for (let i = 0; i < 3; i++) await admission.admit('a', null, true);
  await expect(admission.admit('a', null, true)).rejects.toMatchObject({
    code: 'rate-limited',
    details: { retryAfterSeconds: expect.any(Number) as unknown },
  });
  await expect(admission.admit('b', null, true)).resolves.toBeUndefined();
});

describe('the Host header', () => {
  it.each(['localhost', 'localhost:8787', 'LOCALHOST:1', '127.0.0.1:8787', '[::1]:8787', '192.168.1.5', 'api.test'])(
    '%s',
    (host) => {
      expect(isOwnHost(host, ['api.test'])).toBe(true);
    },
  );
  it.each([
    undefined,
    '',
    'evil.test',
    'evil.test:8787',
    'localhost.evil.test',
    'api.test.evil.test',
    '127.0.0.1.evil.test',
    'x@localhost',
    'evil.test/localhost',
    'localhost/x',
    'a b',
  ])('not %s', (host) => {
    expect(isOwnHost(host, ['api.test'])).toBe(false);
  });
});
