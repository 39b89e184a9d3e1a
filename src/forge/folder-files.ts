/** Files of a folder in the diffusers or transformers layout, by the names that these packages write. */
import type * as v from 'valibot';
import { AppError } from '../domain/errors.ts';
import { readJson } from './json-file.ts';
import { openWeightFiles } from './open-weights.ts';
import type { Problems } from './problems.ts';
import type { RandomAccess } from './random-access.ts';
import type { WeightSource } from './weight-source.ts';

export interface CheckpointFolder {
  readonly name: string;
  /** undefined when there is no such file. */
  open(path: string): Promise<RandomAccess | undefined>;
}

/** A file that was given by itself. Throws AppError `bundle-missing-file` when it is not there. */
export type FileOpener = () => Promise<RandomAccess>;

/** Names of one network's weights as its package writes them, the most exact first; what older versions wrote follows. */
const DIFFUSERS = names('diffusion_pytorch_model', 'diffusion_pytorch_model');
const TRANSFORMERS = names('model', 'pytorch_model');

function names(safetensors: string, pytorch: string): readonly string[] {
  return [
    ...[`${safetensors}.safetensors`, `${safetensors}.safetensors.index.json`, `${safetensors}.fp16.safetensors`],
    ...[`${pytorch}.bin`, `${pytorch}.bin.index.json`, `${pytorch}.fp16.bin`],
  ];
}

/**
 * The weights in a subfolder ('' = the folder itself), under whichever name they were published.
 * Throws AppError `bundle-missing-file`, and `weights-invalid` for a damaged file.
 */
export async function openFolderWeights(
  folder: CheckpointFolder,
  inside: string,
  written: 'diffusers' | 'transformers',
): Promise<WeightSource> {
  const expected = written === 'diffusers' ? DIFFUSERS : TRANSFORMERS;
  for (const name of expected) {
    if ((await folder.open(inside + name)) !== undefined) return openWeightFiles(folder, inside + name);
  }
  throw missingFile(folder, inside + expected[0]!);
}

/** A config file, validated; what is wrong with it becomes a problem. */
export async function openConfig<const S extends v.GenericSchema>(
  folder: CheckpointFolder,
  path: string,
  schema: S,
  problems: Problems,
): Promise<v.InferOutput<S> | undefined> {
  const json = await problems.collect(async () => {
    const file = await folder.open(path);
    if (file === undefined) throw missingFile(folder, path);
    return readJson(file);
  });
  return json === undefined ? undefined : problems.parse(shownPath(folder, path), schema, json);
}

export function missingFile(folder: CheckpointFolder, path: string): AppError {
  const shown = shownPath(folder, path);
  return new AppError('bundle-missing-file', `${shown} is missing`, { details: { files: [shown] } });
}

/** Only the base has subfolders; messages name it in front. */
export function shownPath(folder: CheckpointFolder, path: string): string {
  return path.includes('/') ? path : `${folder.name}/${path}`;
}
