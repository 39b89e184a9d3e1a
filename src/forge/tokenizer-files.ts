/** The tokenizer of a checkpoint as one tokenizer.json, and the token that fills short prompts up. */
import * as v from 'valibot';
import { AppError } from '../domain/errors.ts';
import { missingFile, readJson, type CheckpointFolder } from './folder-files.ts';
import { readAll } from './random-access.ts';

export interface TokenizerFiles {
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
const padSchema = v.object({ pad_token: v.nullish(token) });
const tokensSchema = v.object({
  added_tokens: v.optional(v.array(v.object({ id: v.number(), content: v.string() })), []),
  model: v.object({ vocab: v.record(v.string(), v.number()) }),
});

/** CLIPTokenizer's own default; config.json of the text encoder tells another number, which nobody uses. */
const CLIP_PADDING = '<|endoftext|>';

/**
 * `padTokenId`: of a checkpoint whose text encoder's config tells the truth.
 * Throws AppError `bundle-missing-file` or `bundle-invalid`.
 */
export async function openTokenizerFiles(
  folder: CheckpointFolder,
  padTokenId: number | undefined,
): Promise<TokenizerFiles> {
  const file = await folder.open('tokenizer/tokenizer.json');
  if (file === undefined) throw missingFile(folder, 'tokenizer/tokenizer.json');
  const json = await readAll(file);
  if (padTokenId !== undefined) return { json, padTokenId };
  const parsed = v.safeParse(tokensSchema, await readJson(file));
  if (!parsed.success) throw new AppError('bundle-invalid', `${file.name} holds no vocabulary.`);
  const padding = (await paddingToken(folder)) ?? CLIP_PADDING;
  const { added_tokens: added, model } = parsed.output;
  const id = added.find(({ content }) => content === padding)?.id ?? model.vocab[padding];
  if (id === undefined)
    throw new AppError('bundle-invalid', `${file.name} has no token ${padding} to fill prompts up.`);
  return { json, padTokenId: id };
}

async function paddingToken(folder: CheckpointFolder): Promise<string | undefined> {
  for (const path of ['tokenizer/tokenizer_config.json', 'tokenizer/special_tokens_map.json']) {
    const file = await folder.open(path);
    if (file === undefined) continue;
    const parsed = v.safeParse(padSchema, await readJson(file));
    if (parsed.success && typeof parsed.output.pad_token === 'string') return parsed.output.pad_token;
  }
  return undefined;
}
