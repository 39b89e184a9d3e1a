import { Tokenizer } from '@huggingface/tokenizers';
import type { BundleManifest } from '../bundle/manifest.ts';
import type { ModelBundle } from '../bundle/open-bundle.ts';
import { AppError } from '../domain/errors.ts';
import { mendTokenizerJson } from './mend-tokenizer-json.ts';

export interface EncodedText {
  /** Exactly the bundle's number of tokens: begin, words, end, padding. */
  readonly ids: Int32Array;
  /** Tokens the text would need, begin and end included. */
  readonly needed: number;
  readonly truncated: boolean;
}

/** Text to the ids that the bundle's text encoder was trained with. */
export interface PromptTokenizer {
  encode(text: string): EncodedText;
  /** Whether one word has tokens of its own, not just "unknown". */
  knows(word: string): boolean;
}

/** The part of a tokenizer.json that is read here; @huggingface/tokenizers reads the rest. */
interface TokenizerJson {
  readonly model?: {
    readonly type?: string;
    readonly vocab?: Readonly<Record<string, number>>;
    readonly unk_token?: string | null;
  };
}

/** Reads the bundle's tokenizer.json. Throws AppError `bundle-missing-file` or `bundle-invalid`. */
export async function openTokenizer({ manifest, files }: ModelBundle): Promise<PromptTokenizer> {
  const bytes = await files.read(manifest.text.tokenizer);
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder().decode(bytes));
  } catch (cause) {
    throw new AppError('bundle-invalid', `${manifest.text.tokenizer} is not JSON; the file is damaged.`, { cause });
  }
  return createTokenizer(json, manifest.text);
}

/**
 * Wraps a Hugging Face tokenizer.json. Its post-processor has to add one begin and one end token, as CLIP's does.
 * Throws AppError `bundle-invalid` when it cannot be used.
 */
export function createTokenizer(
  json: unknown,
  text: Pick<BundleManifest['text'], 'tokens' | 'padTokenId' | 'tokenizer'>,
): PromptTokenizer {
  const model = (json as TokenizerJson | null)?.model;
  // The library learns of an unknown token only from a tokenizer_config.json, which is this one entry for us.
  const unknownToken = model?.unk_token ?? undefined;
  const unknownId = unknownToken === undefined ? undefined : model?.vocab?.[unknownToken];
  const tokenizer = openLibraryTokenizer(json, unknownToken, text.tokenizer);
  // A word-level model without an entry gives undefined, whatever the library's types say.
  const idsOf = (words: string, special: boolean): (number | undefined)[] =>
    tokenizer.encode(words, { add_special_tokens: special }).ids;
  const [begin, end, ...more] = idsOf('', true);
  if (begin === undefined || end === undefined || more.length > 0) {
    const found = `${text.tokenizer}: the post-processor adds ${idsOf('', true).length} tokens to an empty text`;
    throw new AppError('bundle-invalid', `${found}; one begin and one end token are needed.`);
  }

  return {
    encode(words) {
      const inner = idsOf(words, false).flatMap((id) => id ?? unknownId ?? []);
      const room = text.tokens - 2;
      const ids = new Int32Array(text.tokens).fill(text.padTokenId);
      ids.set([begin, ...inner.slice(0, room), end]);
      return { ids, needed: inner.length + 2, truncated: inner.length > room };
    },
    knows(word) {
      const ids = idsOf(word, false);
      return ids.length > 0 && ids.every((id) => id !== undefined && id !== unknownId);
    },
  };
}

function openLibraryTokenizer(json: unknown, unknownToken: string | undefined, file: string): Tokenizer {
  try {
    return new Tokenizer(
      mendTokenizerJson(json) as object,
      unknownToken === undefined ? {} : { unk_token: unknownToken },
    );
  } catch (cause) {
    throw new AppError('bundle-invalid', `${file} is not a tokenizer.json that can be read.`, { cause });
  }
}
