import { expect } from '@playwright/test';
import { test } from './scenario-test.ts';

const WEBGPU = { wish: 'webgpu' } as const;

test('a software adapter counts as no GPU, and the reason says so', async ({ run }) => {
  expect(await run('backend', {})).toMatchObject({
    kind: 'wasm',
    build: 'wasm',
    reason: expect.stringContaining('software adapter') as string,
  });
});

test('the attention self-test refuses subgroups on the software adapter', async ({ run }) => {
  expect(await run('backend', WEBGPU)).toMatchObject({ kind: 'webgpu-f32', build: 'jspi', subgroups: false });
});
