/**
 * What a single value of a request may be. A rule either gives the typed value or says in words what would be right;
 * the words serve error messages and help alike.
 */

export type RuleResult<T> = { readonly ok: true; readonly value: T } | { readonly ok: false };

export interface FieldRule<T> {
  /** e.g. "a whole number from 1 to 8". */
  readonly expected: string;
  /** Bounds of a number, for sliders and number fields. */
  readonly range?: { readonly min: number; readonly max: number; readonly whole: boolean };
  check(value: unknown): RuleResult<T>;
}

const no = { ok: false } as const;
const yes = <T>(value: T): RuleResult<T> => ({ ok: true, value });

/** A finite number min ≤ x ≤ max; strings, NaN and ±∞ are refused. */
export function numberBetween(min: number, max: number): FieldRule<number> {
  return {
    expected: `a number from ${min} to ${max}`,
    range: { min, max, whole: false },
    check: (value) => (typeof value === 'number' && value >= min && value <= max ? yes(value) : no),
  };
}

/** A whole number min ≤ x ≤ max. */
export function integerBetween(min: number, max: number): FieldRule<number> {
  return {
    expected: `a whole number from ${min} to ${max}`,
    range: { min, max, whole: true },
    check: (value) =>
      typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max ? yes(value) : no,
  };
}

/** Text of at most `max` UTF-16 units; `required` refuses text of white space only. */
export function text(max: number, required: boolean): FieldRule<string> {
  return {
    expected: `${required ? 'text that is not empty' : 'text'}, at most ${max.toLocaleString('en')} characters`,
    check: (value) =>
      typeof value === 'string' && value.length <= max && (!required || value.trim() !== '') ? yes(value) : no,
  };
}

/** True or false; nothing that is merely truthy. */
export const flag: FieldRule<boolean> = {
  expected: 'true or false',
  check: (value) => (typeof value === 'boolean' ? yes(value) : no),
};

/** One of a fixed list of words. */
export function oneOf<T extends string>(values: readonly T[]): FieldRule<T> {
  return {
    expected: `one of ${values.join(', ')}`,
    check: (value) => (values.includes(value as T) ? yes(value as T) : no),
  };
}

/** `rule`, or null for "not set". */
export function nullable<T>(rule: FieldRule<T>): FieldRule<T | null> {
  return { ...rule, check: (value) => (value === null ? yes(null) : rule.check(value)) };
}

/** At most `max` values that each obey `rule`. */
export function listOf<T>(rule: FieldRule<T>, max: number): FieldRule<readonly T[]> {
  return {
    expected: `a list of at most ${max}, each ${rule.expected}`,
    check: (value) => {
      if (!Array.isArray(value) || value.length > max) return no;
      const items: T[] = [];
      for (const item of value) {
        const result = rule.check(item);
        if (!result.ok) return no;
        items.push(result.value);
      }
      return yes(items);
    },
  };
}
