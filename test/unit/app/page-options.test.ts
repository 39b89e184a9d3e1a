import { describe, expect, it } from 'vitest';
import { readPageOptions } from '../../../src/app/page-options.ts';
import { unknownWords } from '../../../src/app/known-words.ts';

describe('readPageOptions', () => {
  it.each([
    ['', { bundle: 'starter', backend: 'auto' }],
    ['?app_id=sd15-faceid&backend=wasm', { bundle: 'sd15-faceid', backend: 'wasm' }],
    ['?app_id=../evil', { bundle: 'starter', backend: 'auto' }],
    ['?app_id=https://example.test/', { bundle: 'starter', backend: 'auto' }],
    ['?app_id=default', { bundle: 'starter', backend: 'auto' }],
    ['?backend=quantum', { bundle: 'starter', backend: 'auto' }],
  ])('reads %j', (search, options) => {
    expect(readPageOptions(search)).toEqual(options);
  });
});

describe('unknownWords', () => {
  const groups = { colours: ['red', 'light blue'], things: ['t-shirt', 'hat'] };

  it('names each word that no group holds, once', () => {
    expect(unknownWords('A red Hat, a light astronaut', groups)).toEqual(['a', 'astronaut']);
    expect(unknownWords('red t-shirt', groups)).toEqual([]);
  });

  it('knows everything when the model does', () => {
    expect(unknownWords('anything', undefined)).toEqual([]);
  });
});
