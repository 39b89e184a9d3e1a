import { describe, expect, it } from 'vitest';
import { fromWire, wireName } from '../../../src/api/wire-request.ts';

describe('wire names', () => {
  it('map the API request to a wish and leave unknown keys and nulls out', () => {
    expect(
      fromWire({
        app_id: 'starter',
        num_inference_steps: 8,
        negative_prompt: 'x',
        face_points: null,
        nonsense: 1,
        batch: 2,
      }),
    ).toEqual({ appId: 'starter', steps: 8, negativePrompt: 'x', batch: 2 });
  });
  it('map back for messages', () => {
    expect(wireName('steps')).toBe('num_inference_steps');
    expect(wireName('width')).toBe('width');
  });
});
