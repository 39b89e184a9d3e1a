import { AppError } from '../domain/errors.ts';

/** Shape of every input by name, as the caller will feed it. */
export type InputDims = Readonly<Record<string, readonly number[]>>;

/**
 * The dims of one input, checked against a pattern (null = any size ≥ 1).
 * Throws AppError `graph-invalid` that tells what was expected.
 */
export function requireDims(
  dims: InputDims,
  role: string,
  name: string,
  pattern: readonly (number | null)[],
): readonly number[] {
  const actual = dims[name];
  const fits =
    actual?.length === pattern.length &&
    actual.every((dim, i) => Number.isInteger(dim) && dim >= 1 && (pattern[i] === null || pattern[i] === dim));
  if (!fits) {
    const expected = pattern.map((dim) => dim ?? '?').join(', ');
    const given = actual === undefined ? 'is not fed' : `has shape [${actual.join(', ')}]`;
    throw new AppError('graph-invalid', `${role}: input ${name} ${given}; expected [${expected}].`, {
      details: { role, input: name },
    });
  }
  return actual;
}
