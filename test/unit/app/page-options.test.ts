import { describe, expect, it } from 'vitest';
import { readPageOptions } from '../../../src/app/page-options.ts';

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
