/**
 * A CLIP tokenizer's official files (vocab.json, merges.txt and the two that name its special tokens) as one
 * tokenizer.json: what transformers 5.23.0 makes of them (models/clip/tokenization_clip.py, CLIPTokenizer).
 */
import { AppError } from '../domain/errors.ts';

/** Texts of the files. */
export interface ClipTokenizerFiles {
  /** vocab.json: token → id. */
  readonly vocab: string;
  /** merges.txt: one pair a line, after a line with the version. */
  readonly merges: string;
  /** tokenizer_config.json. */
  readonly config?: string | undefined;
  /** special_tokens_map.json; it counts more than a config without `added_tokens_decoder`, and nothing beside one with it. */
  readonly specialTokens?: string | undefined;
}

interface AddedToken {
  readonly id: number;
  readonly content: string;
  readonly single_word: boolean;
  readonly lstrip: boolean;
  readonly rstrip: boolean;
  readonly normalized: boolean;
  readonly special: boolean;
}

type Json = Readonly<Record<string, unknown>>;

/** Later ones replace earlier ones of the same text. */
const SPECIAL = [
  ['bos_token', '<|startoftext|>'],
  ['eos_token', '<|endoftext|>'],
  ['unk_token', '<|endoftext|>'],
  ['pad_token', '<|endoftext|>'],
] as const;

const WORDS = String.raw`<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+`;
const MAX_PROBLEMS_TOLD = 6;

/** tokenizer.json. Throws AppError `bundle-invalid` naming the file that is wrong. */
export function clipTokenizerJson(files: ClipTokenizerFiles): string {
  const vocab = parseVocab(files.vocab);
  const merges = parseMerges(files.merges, vocab);
  const config = parseObject('tokenizer_config.json', files.config);
  const map = parseObject('special_tokens_map.json', files.specialTokens);
  const specs = 'added_tokens_decoder' in config ? config : { ...config, ...map };
  const added = addedTokens(specs, vocab);
  const text = (key: string): string => contentOf(specs[key]) ?? SPECIAL.find(([name]) => name === key)![1];
  const withId = (key: string): [string, number] => {
    const content = text(key);
    return [content, added.find((token) => token.content === content)!.id];
  };
  return JSON.stringify({
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: added,
    normalizer: {
      type: 'Sequence',
      normalizers: [
        { type: 'NFC' },
        { type: 'Replace', pattern: { Regex: String.raw`\s+` }, content: ' ' },
        { type: 'Lowercase' },
      ],
    },
    pre_tokenizer: {
      type: 'Sequence',
      pretokenizers: [
        { type: 'Split', pattern: { Regex: WORDS }, behavior: 'Removed', invert: true },
        { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true },
      ],
    },
    post_processor: {
      type: 'RobertaProcessing',
      sep: withId('eos_token'),
      cls: withId('bos_token'),
      trim_offsets: false,
      add_prefix_space: false,
    },
    decoder: { type: 'ByteLevel', add_prefix_space: true, trim_offsets: true, use_regex: true },
    model: {
      type: 'BPE',
      dropout: null,
      unk_token: text('unk_token'),
      continuing_subword_prefix: '',
      end_of_word_suffix: '</w>',
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: false,
      vocab: Object.fromEntries(vocab),
      merges,
    },
  });
}

function parseVocab(text: string): ReadonlyMap<string, number> {
  const vocab = new Map<string, number>();
  const ids = new Set<unknown>();
  for (const [token, id] of Object.entries(parseObject('vocab.json', text))) {
    if (typeof id !== 'number' || !Number.isSafeInteger(id) || id < 0 || ids.has(id)) {
      throw invalid('vocab.json', `${JSON.stringify(token)} has no id of its own`);
    }
    ids.add(id);
    vocab.set(token, id);
  }
  if (vocab.size === 0) throw invalid('vocab.json', 'it is empty');
  return vocab;
}

function parseMerges(text: string, vocab: ReadonlyMap<string, number>): [string, string][] {
  const merges: [string, string][] = [];
  const problems: string[] = [];
  for (const [i, line] of text.split(/\r?\n/).entries()) {
    if (line === '' || line.startsWith('#version')) continue;
    const [left, right, ...more] = line.split(' ');
    const known = left !== undefined && right !== undefined && more.length === 0 && vocab.has(left + right);
    if (known && vocab.has(left) && vocab.has(right)) merges.push([left, right]);
    else if (problems.length < MAX_PROBLEMS_TOLD) problems.push(`line ${i + 1} (${JSON.stringify(line.slice(0, 60))})`);
  }
  if (problems.length > 0) {
    throw invalid(
      'merges.txt',
      `${problems.join(', ')} are no pairs of tokens that vocab.json has; the two do not belong together`,
    );
  }
  return merges;
}

function addedTokens(specs: Json, vocab: ReadonlyMap<string, number>): AddedToken[] {
  const tokens = new Map<string, AddedToken>();
  const add = (spec: unknown, id: number | undefined, special: boolean): void => {
    const content = contentOf(spec);
    if (content === undefined || id === undefined || !Number.isSafeInteger(id)) {
      throw invalid(
        'tokenizer_config.json or special_tokens_map.json',
        `the special token ${JSON.stringify(spec).slice(0, 120)} has no text or no id`,
      );
    }
    const flags: Json = typeof spec === 'object' ? (spec as Json) : {};
    const flag = (name: string): boolean => flags[name] === true;
    const [single_word, lstrip, rstrip] = [flag('single_word'), flag('lstrip'), flag('rstrip')];
    tokens.set(content, { id, content, single_word, lstrip, rstrip, normalized: flag('normalized'), special });
  };
  const listed = Object.entries((specs.added_tokens_decoder ?? {}) as Json);
  for (const [id, spec] of listed) add(spec, Number(id), (spec as Json | null)?.special === true);
  const settled = new Set(tokens.keys());
  for (const [name, usual] of SPECIAL) {
    const spec = specs[name] ?? usual;
    const content = contentOf(spec) ?? '';
    if (!settled.has(content)) add(spec, vocab.get(content), true);
  }
  return [...tokens.values()].sort((a, b) => a.id - b.id);
}

function contentOf(spec: unknown): string | undefined {
  const content = typeof spec === 'object' ? (spec as Json | null)?.content : spec;
  return typeof content === 'string' && content !== '' ? content : undefined;
}

function parseObject(file: string, text: string | undefined): Json {
  if (text === undefined) return {};
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw invalid(file, 'it is not JSON', cause);
  }
  if (typeof json !== 'object' || json === null || Array.isArray(json)) throw invalid(file, 'it is not a JSON object');
  return json as Json;
}

function invalid(file: string, what: string, cause?: unknown): AppError {
  return new AppError('bundle-invalid', `${file} is not usable as a part of a CLIP tokenizer: ${what}.`, {
    details: { file },
    ...(cause !== undefined && { cause }),
  });
}
