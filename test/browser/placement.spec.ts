import { expect } from '@playwright/test';
import { test } from './scenario-test.ts';

/** The software adapter has no half precision: creating goes on to a first shader, and fails there; placing is before. */
const NEEDS_HALF = /requires f16 but the device does not support it/;

test('on WebGPU no node is on the CPU, but for the lookup in a packed embedding table', async ({ run }) => {
  const { networks, control } = await run('placement', { wish: 'webgpu' });
  expect(networks).toHaveLength(34);
  for (const { role, folder, compute, placement } of networks) {
    const title = `${folder}, ${role}, ${compute}`;
    expect(placement.gpuNodes, title).toBeGreaterThan(10);
    // int8 rows have no WebGPU kernels; the lookup runs once per prompt, outside the denoising loop.
    const packedTable = role === 'textEncoder' && folder === 'tiny-quantised';
    expect(placement.otherNodes, title).toEqual(packedTable ? ['Gather', 'Cast'] : []);
    if (packedTable) expect(placement.refusal, title).toContain('fallback to CPU EP');
    else if (placement.refusal !== null)
      expect([compute, placement.refusal]).toEqual(['float16', expect.stringMatching(NEEDS_HALF)]);
  }
  // The log and the refusal do tell.
  expect(control).toMatchObject({ otherNodes: ['Det'], gpuNodes: 2 });
  expect(control.refusal).toContain('fallback to CPU EP');
});
