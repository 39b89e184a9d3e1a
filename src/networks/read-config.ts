/** Reading of the reference's `config.json` objects: only what the builders can build gets through. */
import * as v from 'valibot';
import { AppError } from '../domain/errors.ts';

/** Validates a network config. Throws AppError `bundle-invalid` naming every field that is missing or not supported. */
export function readConfig<const S extends v.GenericSchema>(
  schema: S,
  config: unknown,
  network: string,
): v.InferOutput<S> {
  const result = v.safeParse(schema, config);
  if (result.success) return result.output;
  const fields = result.issues.map((issue) => `${v.getDotPath(issue) ?? '(root)'}: ${issue.message}`);
  throw new AppError('bundle-invalid', `The configuration of ${network} is not supported: ${fields.join('; ')}`, {
    details: { network, fields },
  });
}

export const positive = v.pipe(v.number(), v.integer(), v.minValue(1));

/** How many of something; none is fine. */
export const count = v.pipe(v.number(), v.integer(), v.minValue(0));

/** A field that may only have its ordinary value, be null or be absent. */
export function only<const T extends string | number | boolean>(value: T) {
  return v.nullish(v.literal(value));
}
