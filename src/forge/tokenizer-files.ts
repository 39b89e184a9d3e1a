import { AppError } from '../domain/errors.ts';
import { clipTokenizerJson } from './clip-tokenizer.ts';
import { readText } from './json-file.ts';
import type { WeightFolder } from './open-weights.ts';

/**
 * The tokenizer.json in a model's tokenizer folder (`folder` ends in "/" or is empty): its own, or one made of CLIP's
 * vocab.json and merges.txt. Throws AppError `bundle-missing-file` (details.files) when neither is there, and
 * `bundle-invalid`.
 */
export async function readTokenizerJson(files: WeightFolder, folder: string): Promise<string> {
  const read = async (name: string): Promise<string | undefined> => {
    const file = await files.open(folder + name);
    return file && readText(file);
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
