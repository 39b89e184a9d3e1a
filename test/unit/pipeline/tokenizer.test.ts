import { describe, expect, it } from 'vitest';
import { isAppError } from '../../../src/domain/errors.ts';
import { checkKnownWords, editDistance, nearestWord } from '../../../src/pipeline/known-words.ts';
import { createTokenizer, openTokenizer } from '../../../src/pipeline/tokenizer.ts';
import { TINY_TOKENIZER, TINY_WORDS } from '../../fixtures/tiny-tokenizer.ts';
import fixture from '../../fixtures/pipeline/tokenizers.json' with { type: 'json' };
import { makeFakeBundle } from './fake-bundle.ts';

const LENGTH = 77;
const PAD = 0;

describe('tokenizer', () => {
  for (const name of ['words', 'clip'] as const) {
    const { json, encodings } = fixture.tokenizers[name];
    const tokenizer = createTokenizer(json, { tokens: LENGTH, padTokenId: PAD, tokenizer: 'tokenizer.json' });

    it.each(encodings)(`gives the ids of the reference (${name}): $text`, ({ text, ids }) => {
      const encoded = tokenizer.encode(text);
      expect(encoded.needed).toBe(ids.length);
      expect([...encoded.ids]).toEqual([...ids, ...Array.from({ length: LENGTH - ids.length }, () => PAD)]);
      expect(encoded.truncated).toBe(false);
    });

    it(`cuts to the length and keeps the end token (${name})`, () => {
      const { text, ids } = encodings[0]!;
      const short = createTokenizer(json, { tokens: 6, padTokenId: PAD, tokenizer: 'tokenizer.json' }).encode(text);
      expect([...short.ids]).toEqual([...ids.slice(0, 5), ids.at(-1)]);
      expect(short).toMatchObject({ truncated: true, needed: ids.length });
    });
  }

  it('knows which words have tokens of their own', () => {
    const tokenizer = createTokenizer(TINY_TOKENIZER, { tokens: 16, padTokenId: 0, tokenizer: 'tokenizer.json' });
    expect(['hat', 'HAT', 'zebra', ''].map((word) => tokenizer.knows(word))).toEqual([true, true, false, false]);
  });

  it.each([
    ['not a tokenizer', {}],
    ['no post-processor', { ...TINY_TOKENIZER, post_processor: null }],
    ['null', null],
  ])('refuses %s with a clear error', (_, json) => {
    try {
      createTokenizer(json, { tokens: 16, padTokenId: 0, tokenizer: 'words.json' });
      expect.unreachable();
    } catch (error) {
      expect(isAppError(error, 'bundle-invalid')).toBe(true);
      expect((error as Error).message).toMatch(/words\.json/);
    }
  });

  it('opens from a bundle, or says that the file is no JSON', async () => {
    const bundle = await makeFakeBundle();
    expect((await openTokenizer(bundle)).encode('red hat').needed).toBe(4);
    const files = { ...bundle.files, read: () => Promise.resolve(new TextEncoder().encode('<html>')) };
    await expect(openTokenizer({ ...bundle, files })).rejects.toMatchObject({ code: 'bundle-invalid' });
  });
});

describe('known words', () => {
  const tokenizer = createTokenizer(TINY_TOKENIZER, { tokens: 16, padTokenId: 0, tokenizer: 'tokenizer.json' });
  const check = (text: string) => checkKnownWords('prompt', text, TINY_WORDS, tokenizer);

  it('leaves known words alone, whatever their case and punctuation', () => {
    expect(check('Portrait of a PERSON, with red hat.')).toEqual({
      text: 'Portrait of a PERSON, with red hat.',
      adjustments: [],
    });
  });

  it('names every unknown word once and what is read instead', () => {
    expect(check('a portait of a zebra with a portait, bule jakcet')).toEqual({
      text: 'a portrait of a zebra with a portrait, blue jacket',
      adjustments: [
        {
          field: 'prompt',
          from: ['portait', 'zebra', 'bule', 'jakcet'],
          to: ['portrait', null, 'blue', 'jacket'],
          reason: 'unknown-words',
        },
      ],
    });
  });

  it('takes a hyphenated word apart', () => {
    expect(check('red-hat').adjustments).toEqual([]);
    expect(check('red-zebra').adjustments).toHaveLength(1);
  });

  it('does not check a bundle that knows the language at large', () => {
    expect(checkKnownWords('prompt', 'zebra', undefined, tokenizer)).toEqual({ text: 'zebra', adjustments: [] });
  });

  it.each([
    ['smle', 'smile'],
    ['smiles', 'smile'],
    ['gren', 'green'],
    ['cat', null], // not "hat"
    ['rd', null],
    ['backgruond', 'background'],
    ['bakcgruond', 'background'],
    ['sunglasses', null],
    ['elephant', null],
  ])('reads %s as %s', (word, expected) => {
    expect(nearestWord(word, Object.values(TINY_WORDS).flat())).toBe(expected);
  });

  it.each([
    ['', 'abc', 3],
    ['kitten', 'sitting', 3],
    ['ab', 'ba', 1],
    ['same', 'same', 0],
  ])('has edit distance %s %s = %i', (a, b, expected) => {
    expect(editDistance(a, b)).toBe(expected);
  });
});
