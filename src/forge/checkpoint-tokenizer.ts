/** The tokenizer of a checkpoint as one tokenizer.json, and the token that fills short prompts up. */
import * as v from 'valibot';
import { AppError } from '../domain/errors.ts';
import type { CheckpointFolder } from './folder-files.ts';
import { readJson } from './json-file.ts';
import { readTokenizerJson } from './tokenizer-files.ts';

export interface CheckpointTokenizer {
  readonly json: Uint8Array;
  readonly padTokenId: number;
}

const token = v.union([
  v.string(),
  v.pipe(
    v.object({ content: v.string() }),
    v.transform(({ content }) => content),
  ),
]);
const padSchema = v.object({ pad_token: v.nullish(token), added_tokens_decoder: v.optional(v.unknown()) });
const tokensSchema = v.object({
  added_tokens: v.optional(v.array(v.object({ id: v.number(), content: v.string() })), []),
  model: v.object({ vocab: v.record(v.string(), v.number()) }),
});

const FOLDER = 'tokenizer/';
/** CLIPTokenizer's own default; config.json of SD1.5's text encoder tells another number, which nobody uses. */
const CLIP_PADDING = '<|endoftext|>';

/**
 * `padTokenId`: of a checkpoint whose text encoder's config tells the truth.
 * Throws AppError `bundle-missing-file` or `bundle-invalid`.
 */
export async function openTokenizer(
  folder: CheckpointFolder,
  padTokenId: number | undefined,
): Promise<CheckpointTokenizer> {
  const text = await readTokenizerJson(folder, FOLDER);
  const json = new TextEncoder().encode(text);
  if (padTokenId !== undefined) return { json, padTokenId };
  const parsed = v.safeParse(tokensSchema, parseJson(text));
  if (!parsed.success) throw new AppError('bundle-invalid', `${FOLDER}tokenizer.json holds no vocabulary.`);
  const padding = (await paddingToken(folder)) ?? CLIP_PADDING;
  const { added_tokens: added, model } = parsed.output;
  const id = added.find(({ content }) => content === padding)?.id ?? model.vocab[padding];
  if (id === undefined) {
    throw new AppError('bundle-invalid', `${FOLDER}tokenizer.json has no token ${padding} to fill prompts up.`);
  }
  return { json, padTokenId: id };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/**
 * special_tokens_map.json counts more, as long as tokenizer_config.json does not list its added tokens itself
 * (transformers 5.23, tokenization_utils_base.py): SD 2's two files name different ones, and the models learnt the map's.
 */
async function paddingToken(folder: CheckpointFolder): Promise<string | undefined> {
  const read = async (name: string): Promise<v.InferOutput<typeof padSchema>> => {
    const file = await folder.open(FOLDER + name);
    const parsed = v.safeParse(padSchema, file && (await readJson(file)));
    return parsed.success ? parsed.output : {};
  };
  const config = await read('tokenizer_config.json');
  const map = config.added_tokens_decoder === undefined ? await read('special_tokens_map.json') : {};
  return map.pad_token ?? config.pad_token ?? undefined;
}
