import { AppError } from '../domain/errors.ts';

/** Longer descriptions of models are none. */
const LONGEST = 64 * 2 ** 20;

/** UTF-8 text of a stream. Throws AppError `bundle-invalid` beyond 64 MiB. */
export async function readText(bytes: AsyncIterable<Uint8Array>): Promise<string> {
  const decoder = new TextDecoder();
  let text = '';
  for await (const piece of bytes) {
    text += decoder.decode(piece, { stream: true });
    if (text.length > LONGEST) throw new AppError('bundle-invalid', 'The description of a model is far too long.');
  }
  return text + decoder.decode();
}
