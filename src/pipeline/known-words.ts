import type { BundleManifest } from '../bundle/manifest.ts';
import type { Adjustment } from '../domain/request.ts';
import type { PromptTokenizer } from './tokenizer.ts';

/** Letters and digits, hyphens and apostrophes inside. */
const WORD = /[\p{L}\p{N}]+(?:[-'’][\p{L}\p{N}]+)*/gu;

/** A text with what the bundle makes of it. */
export interface CheckedText {
  /** Unknown words replaced by the nearest known one where one is close. */
  readonly text: string;
  readonly adjustments: readonly Adjustment[];
}

/**
 * Finds words that a bundle with a small vocabulary does not know. One adjustment names them all: `from` the words,
 * `to` what is read instead, null where nothing known is close (such a word has no effect). A bundle without
 * `knownWords` knows the language at large and is not checked.
 */
export function checkKnownWords(
  field: 'prompt' | 'negativePrompt',
  text: string,
  known: BundleManifest['text']['knownWords'],
  tokenizer: PromptTokenizer,
): CheckedText {
  if (!known) return { text, adjustments: [] };
  const vocabulary = [...new Set(Object.values(known).flatMap((words) => words.flatMap(wordsOf)))];
  const replacements = new Map<string, string | null>();
  for (const word of wordsOf(text)) {
    if (!vocabulary.includes(word) && !isKnown(word, tokenizer)) replacements.set(word, nearestWord(word, vocabulary));
  }
  if (replacements.size === 0) return { text, adjustments: [] };
  return {
    text: text.replace(WORD, (word) => replacements.get(word.toLowerCase()) ?? word),
    adjustments: [{ field, from: [...replacements.keys()], to: [...replacements.values()], reason: 'unknown-words' }],
  };
}

function wordsOf(text: string): string[] {
  return text.toLowerCase().match(WORD) ?? [];
}

/** A hyphenated word is also known when its parts are. */
function isKnown(word: string, tokenizer: PromptTokenizer): boolean {
  return tokenizer.knows(word) || word.split(/[-'’]/).every((part) => part === '' || tokenizer.knows(part));
}

/**
 * The known word within a typing error or two; null when none is. Short words have many innocent neighbours ("cat" is
 * not "hat"), so below five letters only a swap, a missing or a doubled letter counts.
 */
export function nearestWord(word: string, vocabulary: readonly string[]): string | null {
  const limit = word.length >= 8 ? 2 : 1;
  let best: string | null = null;
  let bestDistance = limit + 1;
  for (const candidate of vocabulary) {
    if (Math.abs(candidate.length - word.length) > limit) continue;
    if (Math.min(word.length, candidate.length) < 3) continue;
    if (word.length < 5 && isSubstitution(word, candidate)) continue;
    const distance = editDistance(word, candidate);
    if (distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

/** Words of one length that differ in a single letter. */
function isSubstitution(a: string, b: string): boolean {
  if (a.length !== b.length) return false;
  let differing = 0;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) differing++;
  return differing === 1;
}

/** Insertions, deletions, substitutions and swaps of neighbours (optimal string alignment). */
export function editDistance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const substitution = last[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      let distance = Math.min(last[j]! + 1, row[j - 1]! + 1, substitution);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        distance = Math.min(distance, beforeLast[j - 2]! + 1);
      }
      row.push(distance);
    }
    beforeLast = last;
    last = row;
  }
  return last[b.length]!;
}
