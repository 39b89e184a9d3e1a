/** Weight files by what they are, not by what they are called; and checkpoints that are split over several files. */
import { AppError } from '../domain/errors.ts';
import { readText } from './json-file.ts';
import { openPytorchZip } from './pytorch-zip.ts';
import type { RandomAccess } from './random-access.ts';
import { openSafetensors } from './safetensors.ts';
import { shown, weightsInvalid, type WeightSource } from './weight-source.ts';

/** Where the parts of a checkpoint lie; undefined when there is no such file. */
export interface WeightFolder {
  open(path: string): Promise<RandomAccess | undefined>;
}

const MAGIC_BYTES = 16;

/** First bytes of files that are not read, and what to do about them. */
const FOREIGN: readonly (readonly [prefix: string, what: string])[] = [
  // torch.save before 1.6 (and with _use_new_zipfile_serialization=False): a pickle of its magic number first.
  [
    '\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19',
    'it is in PyTorch’s old format, from before 1.6; load it and save it again, best with safetensors.torch.save_file',
  ],
  ['\x80', 'it is a bare pickle, which is not read; save the state dict with safetensors.torch.save_file'],
  ['GGUF', 'it is a GGUF file; choose the model’s safetensors files'],
  ['\x89HDF', 'it is an HDF5 file; choose the model’s safetensors files'],
  ['\x1f\x8b', 'it is compressed (gzip); unpack it first'],
  ['version https://', 'it is a pointer of Git LFS, not the file itself; download the file'],
  ['<', 'it is a web page or XML; check where it was downloaded from'],
];

/** Safetensors or a PyTorch zip archive. Throws AppError `weights-invalid`. */
export async function openWeights(source: RandomAccess): Promise<WeightSource> {
  const magic = String.fromCharCode(...(await source.read(0, Math.min(MAGIC_BYTES, source.size))));
  if (magic.startsWith('PK\x03\x04') || magic.startsWith('PK\x05\x06')) return openPytorchZip(source);
  // The header of safetensors is an object; its length before it can look like anything.
  if (magic[8] !== '{') {
    const foreign = FOREIGN.find(([prefix]) => magic.startsWith(prefix));
    if (foreign !== undefined) throw weightsInvalid(source.name, foreign[1]);
  }
  return openSafetensors(source);
}

/**
 * The weights at `path`: one file, or all that an index (`….safetensors.index.json`, `pytorch_model.bin.index.json`)
 * names beside it. Throws AppError `bundle-missing-file` listing all files that are absent (details.files), and
 * `weights-invalid` (`bundle-invalid` for an index that is far too long).
 */
export async function openWeightFiles(folder: WeightFolder, path: string): Promise<WeightSource> {
  const file = await folder.open(path);
  if (file === undefined) throw missing(path, [path]);
  if (!path.endsWith('.index.json')) return openWeights(file);

  const fileOf = await readIndex(file);
  const parent = path.slice(0, path.lastIndexOf('/') + 1);
  const names = [...new Set(fileOf.values())].sort();
  const files = new Map<string, RandomAccess>();
  for (const name of names) {
    const part = await folder.open(parent + name);
    if (part !== undefined) files.set(name, part);
  }
  const absent = names.filter((name) => !files.has(name));
  if (absent.length > 0)
    throw missing(
      path,
      absent.map((name) => parent + name),
    );

  const parts = new Map<string, WeightSource>();
  for (const [name, part] of files) parts.set(name, await openWeights(part));
  return joinParts(file.name, fileOf, parts);
}

/** File by tensor. */
async function readIndex(file: RandomAccess): Promise<ReadonlyMap<string, string>> {
  const text = await readText(file);
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw weightsInvalid(file.name, 'its index is not JSON', cause);
  }
  const weightMap = (json as { weight_map?: unknown } | null)?.weight_map;
  const entries: [string, unknown][] = typeof weightMap === 'object' ? Object.entries(weightMap ?? {}) : [];
  const fileOf = new Map(entries.map(([tensor, name]) => [tensor, String(name)]));
  if (fileOf.size === 0) throw weightsInvalid(file.name, 'its index has no weight_map');
  for (const name of fileOf.values()) {
    if (!/^\w[\w.-]*$/.test(name))
      throw weightsInvalid(file.name, `its index names ${shown(name)}, which is no file beside it`);
  }
  return fileOf;
}

function joinParts(
  name: string,
  fileOf: ReadonlyMap<string, string>,
  parts: ReadonlyMap<string, WeightSource>,
): WeightSource {
  const shapes = new Map<string, readonly number[]>();
  const absent: string[] = [];
  for (const [tensor, file] of fileOf) {
    const shape = parts.get(file)!.shapes.get(tensor);
    if (shape === undefined) absent.push(`${shown(tensor)} (${file})`);
    else shapes.set(tensor, shape);
  }
  if (absent.length > 0) {
    const more = absent.length > 12 ? ` and ${absent.length - 12} more` : '';
    throw weightsInvalid(name, `its files lack ${absent.slice(0, 12).join(', ')}${more}`);
  }
  const partOf = (tensor: string): WeightSource => {
    const file = fileOf.get(tensor);
    if (file === undefined) throw weightsInvalid(name, `there is no tensor ${shown(tensor)}`);
    return parts.get(file)!;
  };
  return {
    name,
    shapes,
    // Async, so that an unknown name rejects.
    read: async (tensor) => partOf(tensor).read(tensor),
    readRows: async (tensor, first, count) => partOf(tensor).readRows(tensor, first, count),
  };
}

function missing(path: string, files: readonly string[]): AppError {
  return new AppError('bundle-missing-file', `${path} needs ${files.join(', ')}, which is not there.`, {
    details: { file: files[0], files },
  });
}
