/**
 * Against transformers 5.23.0's CLIPTokenizerFast on 700 prompts (make_clip_tokenizer_fixtures.py): the tokenizer.json
 * out of the official files, and the ids that the pipeline's tokenizer gives with it.
 */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { openTokenizer } from '../../../src/forge/checkpoint-tokenizer.ts';
import { clipTokenizerJson, type ClipTokenizerFiles } from '../../../src/forge/clip-tokenizer.ts';
import { readTokenizerJson } from '../../../src/forge/tokenizer-files.ts';
import { createTokenizer } from '../../../src/pipeline/tokenizer.ts';
import reference from '../../fixtures/forge/clip-tokenizer/reference.json' with { type: 'json' };
import { memoryFolder } from '../../fixtures/tiny-checkpoint.ts';

const read = (name: string) => readFileSync(`test/fixtures/forge/clip-tokenizer/${name}`, 'utf8');
const files = {
  vocab: read('vocab.json'),
  merges: read('merges.txt'),
  config: read('tokenizer_config.json'),
  specialTokens: read('special_tokens_map.json'),
} satisfies ClipTokenizerFiles;
const text = clipTokenizerJson(files);
const tokens = Math.max(...reference.encodings.map(({ ids }) => ids.length));
const tokenizer = createTokenizer(JSON.parse(text), { tokens, padTokenId: 0, tokenizer: 'tokenizer.json' });
const idsOf = (prompt: string) => {
  const { ids, needed } = tokenizer.encode(prompt);
  return [...ids.subarray(0, needed)];
};

describe('CLIP’s official files', () => {
  it('become the tokenizer that the reference makes of them', () => {
    const { model, ...rest } = JSON.parse(text) as { model: { vocab: unknown; merges: string[][] } };
    const { vocab, merges, ...settings } = model;
    expect({ ...rest, model: settings }).toEqual(reference.tokenizer);
    expect(vocab).toEqual(JSON.parse(files.vocab));
    const lines = files.merges.trim().split('\n').slice(1);
    expect(merges.map((pair) => pair.join(' '))).toEqual(lines);
  });

  it.each(Object.entries(reference.configs))('special tokens: %s', (_, { config, special, added_tokens }) => {
    const json = clipTokenizerJson({
      ...files,
      config: config ? JSON.stringify(config) : undefined,
      specialTokens: special ? JSON.stringify(special) : undefined,
    });
    expect((JSON.parse(json) as { added_tokens: unknown }).added_tokens).toEqual(added_tokens);
  });

  it('give the ids of the reference for every prompt', () => {
    expect(reference.encodings.length).toBeGreaterThanOrEqual(500);
    const different = reference.encodings.filter(({ text: prompt, ids }) => idsOf(prompt).join() !== ids.join());
    expect(different.map(({ text: prompt }) => prompt)).toEqual([]);
  });

  it('differ where listed: the reference leaves marks younger than Unicode 9 where they are', () => {
    for (const { text: prompt, ids } of reference.listed) expect(idsOf(prompt), prompt).not.toEqual(ids);
  });

  it('take half a surrogate pair', () => {
    expect(idsOf('a\ud83d').length).toBeGreaterThan(2);
  });
});

describe('files that are no CLIP tokenizer', () => {
  it.each<[string, Partial<Record<keyof ClipTokenizerFiles, string>>, RegExp]>([
    ['no JSON', { vocab: '{' }, /vocab\.json .* not JSON/],
    ['a list', { vocab: '[]' }, /vocab\.json .* not a JSON object/],
    ['nothing', { vocab: '{}' }, /vocab\.json .* empty/],
    ['an id of text', { vocab: '{"a":"1"}' }, /"a" has no id of its own/],
    ['one id twice', { vocab: '{"a":1,"b":1}' }, /"b" has no id of its own/],
    [
      'merges of another vocabulary',
      { merges: '#version: 0.2\nzz qq\na b c\n' },
      /merges\.txt .* line 2 \("zz qq"\), line 3/,
    ],
    ['a special token that is no word', { specialTokens: '{"bos_token":"<s>"}' }, /"<s>" has no text or no id/],
    ['a special token without text', { specialTokens: '{"eos_token":{"lstrip":true}}' }, /has no text or no id/],
    ['a config that is null', { config: 'null' }, /tokenizer_config\.json .* not a JSON object/],
  ])('%s', (_, change, message) => {
    expect(() => clipTokenizerJson({ ...files, ...change })).toThrow(message);
  });

  it('lines may end as on Windows', () => {
    expect(clipTokenizerJson({ ...files, merges: files.merges.replaceAll('\n', '\r\n') })).toBe(text);
  });
});

describe('a tokenizer folder', () => {
  const folder = (entries: Record<string, string>) =>
    memoryFolder(new Map(Object.entries(entries).map(([name, content]) => [`t/${name}`, Buffer.from(content)])));
  const official = {
    'vocab.json': files.vocab,
    'merges.txt': files.merges,
    'tokenizer_config.json': files.config,
    'special_tokens_map.json': files.specialTokens,
  };

  it('gives its own tokenizer.json, or one made of CLIP’s files', async () => {
    expect(await readTokenizerJson(folder({ ...official, 'tokenizer.json': '{"own":1}' }), 't/')).toBe('{"own":1}');
    expect(await readTokenizerJson(folder(official), 't/')).toBe(text);
  });

  it('says which files are missing', async () => {
    await expect(readTokenizerJson(folder({ 'vocab.json': '{}' }), 't/')).rejects.toMatchObject({
      code: 'bundle-missing-file',
      details: { files: ['t/tokenizer.json', 't/vocab.json', 't/merges.txt'] },
    });
  });

  it.each([
    ['the config’s where it is alone', { pad_token: '!' }, undefined, '!'],
    ['the map’s where they differ, as in SD 2', { pad_token: '<|endoftext|>' }, { pad_token: { content: '!' } }, '!'],
    ['the config’s where the map has none', { pad_token: '!' }, {}, '!'],
    ['the config’s where it lists its tokens', { pad_token: '!', added_tokens_decoder: {} }, { pad_token: '?' }, '!'],
    ['CLIP’s own where nothing is said', {}, undefined, '<|endoftext|>'],
  ])('fills short prompts with the token of its files: %s', async (_, config, map, padding) => {
    const { padTokenId } = await openTokenizer(
      memoryFolder(
        new Map(
          Object.entries({
            'vocab.json': files.vocab,
            'merges.txt': files.merges,
            'tokenizer_config.json': JSON.stringify(config),
            ...(map && { 'special_tokens_map.json': JSON.stringify(map) }),
          }).map(([name, content]) => [`tokenizer/${name}`, Buffer.from(content)]),
        ),
      ),
      undefined,
    );
    expect(padTokenId).toBe((JSON.parse(files.vocab) as Record<string, number>)[padding]);
  });
});
