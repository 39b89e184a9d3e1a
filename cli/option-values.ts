/** Values of options, checked. */
import { UsageError } from './usage-error.ts';

/** Throws UsageError for what is no number; undefined stays undefined. */
export function readNumber(option: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value)) throw new UsageError(`${option} needs a number, not "${text}".`);
  return value;
}

/** Throws UsageError for a word that is none of `choices`; undefined stays undefined. */
export function readChoice<const T extends string>(
  option: string,
  text: string | undefined,
  choices: readonly T[],
): T | undefined {
  const choice = choices.find((known) => known === text);
  if (text !== undefined && choice === undefined) {
    throw new UsageError(`${option} must be ${choices.join(', ')}, not "${text}".`);
  }
  return choice;
}
