import { afterAll, describe, it } from 'vitest';
import type { HostTensor } from '../../src/domain/tensor.ts';
import { hashInput, readCases, type Expected } from './fixtures.ts';
import { ErrorTally, runNetwork } from './run-network.ts';

interface Case {
  title: string;
  config: Record<string, unknown>;
  digest: number;
}

const tally = new ErrorTally();
afterAll(() => {
  tally.report();
});

describe('CLIPTextModel equals transformers, clip_skip diffusers’ pipelines', () => {
  for (const given of readCases<Case & { ids: number[]; last_hidden_state: Expected }>('clip-text')) {
    it(given.title, async () => {
      const ids: HostTensor = { dtype: 'int32', dims: [1, given.ids.length], data: Int32Array.from(given.ids) };
      const spec = { class: 'CLIPTextModel', config: given.config };
      const { last_hidden_state } = await runNetwork('textEncoder', spec, { input_ids: ids }, given);
      tally.check('CLIPTextModel', last_hidden_state, given.last_hidden_state);
    });
  }
});

describe('CLIPVisionModelWithProjection equals transformers before its last layer', () => {
  for (const given of readCases<Case & { pixels: number[]; hidden_states: Expected }>('clip-vision')) {
    it(given.title, async () => {
      const spec = { class: 'CLIPVisionModelWithProjection', config: given.config };
      const feeds = { pixel_values: hashInput('pixel_values', given.pixels) };
      const { hidden_states } = await runNetwork('imageEncoder', spec, feeds, given);
      tally.check('CLIPVisionModelWithProjection', hidden_states, given.hidden_states);
    });
  }
});

describe('the resampler equals diffusers’ IPAdapterPlusImageProjection', () => {
  for (const given of readCases<Case & { states: number[]; face_tokens: Expected }>('resampler')) {
    it(given.title, async () => {
      const spec = { class: 'Resampler', config: given.config };
      const feeds = { hidden_states: hashInput('states', given.states) };
      const { face_tokens } = await runNetwork('resampler', spec, feeds, given);
      tally.check('Resampler', face_tokens, given.face_tokens);
    });
  }
});
