/**
 * Where @huggingface/tokenizers 0.2.0 reads a tokenizer.json otherwise than Hugging Face's tokenizers (Rust, 0.23): the
 * same tokenizer is said in words that both read alike.
 */

/**
 * GPT-2's words (tokenizers/src/pre_tokenizers/byte_level.rs). The library has it built in with JavaScript's \s, to
 * which U+FEFF is white space and U+0085 is not; in a pattern of the file it takes Unicode's white space.
 */
const BYTE_LEVEL_WORDS = String.raw`'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`;

interface Step {
  readonly type?: string;
  readonly add_prefix_space?: boolean;
  readonly use_regex?: boolean;
  readonly normalizers?: readonly Step[];
  readonly pretokenizers?: readonly Step[];
}

/** Anything that is no tokenizer.json is given back as it is. */
export function mendTokenizerJson(json: unknown): unknown {
  if (typeof json !== 'object' || json === null) return json;
  const { normalizer, pre_tokenizer } = json as { normalizer?: Step | null; pre_tokenizer?: Step | null };
  return {
    ...json,
    ...(normalizer && { normalizer: mendNormalizer(normalizer) }),
    ...(pre_tokenizer && { pre_tokenizer: mendPreTokenizer(pre_tokenizer) }),
  };
}

/** JavaScript lowers a Greek capital sigma at a word's end to ς; Rust lowers letter by letter, always to σ. */
function mendNormalizer(step: Step): Step {
  if (step.normalizers !== undefined) return { ...step, normalizers: step.normalizers.map(mendNormalizer) };
  if (step.type !== 'Lowercase') return step;
  const sigma = { type: 'Replace', pattern: { String: 'Σ' }, content: 'σ' };
  return { type: 'Sequence', normalizers: [sigma, step] };
}

function mendPreTokenizer(step: Step): Step {
  if (step.pretokenizers !== undefined) return { ...step, pretokenizers: step.pretokenizers.map(mendPreTokenizer) };
  // With a space put before the text, the words would have to be found after that.
  if (step.type !== 'ByteLevel' || step.use_regex === false || step.add_prefix_space !== false) return step;
  const words = { type: 'Split', pattern: { Regex: BYTE_LEVEL_WORDS }, behavior: 'Isolated', invert: false };
  return { type: 'Sequence', pretokenizers: [words, { ...step, use_regex: false }] };
}
