import * as ort from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import { ATTENTION_TOLERANCE, attentionError } from '../../../src/runtime/attention-self-test.ts';
import type { OrtNamespace } from '../../../src/runtime/ort-namespace.ts';
import { nodeSessionOptions } from '../../../src/runtime/session-options.ts';

describe('attentionError', () => {
  it('is rounding only where attention is right', async () => {
    expect(await attentionError(ort, nodeSessionOptions(1))).toBeLessThan(1e-5);
  });

  it.each([
    ['a kernel that mixes two rows', (values: Float32Array) => values.set(values.slice(0, 128), 128)],
    ['NaN', (values: Float32Array) => void (values[7] = NaN)],
  ])('shows %s', async (_what, spoil) => {
    const broken: OrtNamespace = {
      Tensor: ort.Tensor,
      InferenceSession: {
        create: async (...args: unknown[]) => {
          const session = await ort.InferenceSession.create(...(args as [Uint8Array]));
          const run = session.run.bind(session);
          session.run = async (feeds: ort.InferenceSession.FeedsType) => {
            const results = await run(feeds);
            for (const result of Object.values(results)) spoil(result.data as Float32Array);
            return results;
          };
          return session;
        },
      },
    };
    expect(await attentionError(broken, nodeSessionOptions(1))).toBeGreaterThan(ATTENTION_TOLERANCE);
  });
});
