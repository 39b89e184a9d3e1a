import { AppError } from '../domain/errors.ts';
import { clipTokenizerJson } from './clip-tokenizer.ts';
import type { WeightFolder } from './open-weights.ts';
import { readAll } from './random-access.ts';

/** Text encoders' vocabularies have a megabyte or three. */
const MAX_FILE_BYTES = 50_000_000;

/**
 * The tokenizer.json in a model's tokenizer folder (`folder` ends in "/" or is empty): its own, or one made of CLIP's
 * vocab.json and merges.txt. Throws AppError `bundle-missing-file` (details.files) when neither is there, and
 * `bundle-invalid`.
 */
export async function readTokenizerJson(files: WeightFolder, folder: string): Promise<string> {
  const read = async (name: string): Promise<string | undefined> => {
    const file = await files.open(folder + name);
    if (file === undefined) return undefined;
    if (file.size > MAX_FILE_BYTES) {
      throw new AppError('bundle-invalid', `${file.name} has ${file.size} bytes: too much for a tokenizer.`, {
        details: { file: file.name },
      });
    }
    return new TextDecoder().decode(await readAll(file));
  };
  const own = await read('tokenizer.json');
  if (own !== undefined) return own;
  const [vocab, merges] = [await read('vocab.json'), await read('merges.txt')];
  if (vocab === undefined || merges === undefined) {
    const absent = [`${folder}tokenizer.json`, ...['vocab.json', 'merges.txt'].map((name) => folder + name)];
    throw new AppError('bundle-missing-file', `There is neither ${absent[0]} nor ${absent[1]} with ${absent[2]}.`, {
      details: { file: absent[0], files: absent },
    });
  }
  return clipTokenizerJson({
    vocab,
    merges,
    config: await read('tokenizer_config.json'),
    specialTokens: await read('special_tokens_map.json'),
  });
}
