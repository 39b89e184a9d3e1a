/** Texts and JSON that lie beside weights: configs, indices, vocabularies. */
import { AppError } from '../domain/errors.ts';
import { readAll, type RandomAccess } from './random-access.ts';

/** The largest published one, an index of weights, has 10 MB. */
const MAX_BYTES = 100_000_000;

/** UTF-8. Throws AppError `bundle-invalid` for a file that is too long, and whatever reading throws. */
export async function readText(file: RandomAccess): Promise<string> {
  if (file.size > MAX_BYTES) {
    throw invalid(file, `has ${file.size} bytes: it is weights or something else, not text; check the file`);
  }
  return new TextDecoder().decode(await readAll(file));
}

/** Throws what `readText` throws, and AppError `bundle-invalid` when it is not JSON. */
export async function readJson(file: RandomAccess): Promise<unknown> {
  const text = await readText(file);
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw invalid(file, 'is not JSON; download it again', cause);
  }
}

function invalid({ name }: RandomAccess, what: string, cause?: unknown): AppError {
  return new AppError('bundle-invalid', `${name} ${what}.`, {
    details: { file: name },
    ...(cause !== undefined && { cause }),
  });
}
