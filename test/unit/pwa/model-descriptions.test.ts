import { describe, expect, it, vi } from 'vitest';
import { isModelDescription } from '../../../src/pwa/model-descriptions.ts';

// Workbox looks for its service worker when it is loaded.
vi.hoisted(() => vi.stubGlobal('self', globalThis));

const SCOPE = 'https://example.org/people/likeness/';

describe('what the service worker answers of a model', () => {
  it.each(['models/catalog.json', 'models/starter/bundle.json', 'models/starter/bundle.json?v=2'])('%s', (path) => {
    expect(isModelDescription(new URL(path, SCOPE), SCOPE)).toBe(true);
  });

  it.each([
    'models/starter/weights/denoiser.bin',
    'models/starter/weights.json',
    'models/starter/tokenizer.json',
    'models/a/b/bundle.json',
    'bundle.json',
    '../models/starter/bundle.json',
    'https://weights.example/people/likeness/models/starter/bundle.json',
  ])('not %s', (path) => {
    expect(isModelDescription(new URL(path, SCOPE), SCOPE)).toBe(false);
  });
});
