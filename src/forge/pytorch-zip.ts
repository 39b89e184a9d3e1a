/**
 * Reader of what torch.save writes since PyTorch 1.6 (.bin, .pt, .pth, .ckpt): a zip archive with a pickle that says which
 * tensors there are, and one stored entry per storage. Only the directory and the pickle are read at once; tensors by
 * range. Checksums of the archive are not compared.
 */
import { elementCount } from '../domain/tensor.ts';
import { elementBytes, elementWords, type ElementWords } from './element-types.ts';
import { runPickle } from './pickle-machine.ts';
import { PickleBudget, PickleDict, PickleError, type PickleKey, type PickleValue } from './pickle-values.ts';
import type { RandomAccess } from './random-access.ts';
import { isTensor, torchWorld, type TorchTensor } from './torch-world.ts';
import { shown, weightsInvalid, weightSource, type WeightSource } from './weight-source.ts';
import { readZipDirectory, zipEntryData, type ZipEntry } from './zip-directory.ts';

/** A pickle beyond this is no state dict's. */
const MAX_PICKLE_BYTES = 100_000_000;
const MAX_DEPTH = 32;
const MAX_PROBLEMS_TOLD = 12;

/**
 * Memory that a pickle may allocate in all, garbage included: by the file's size, and this much in any case. The smallest
 * honest file, thousands of tensors of one element each, takes 5.8 bytes for each of its own; less than half of that is
 * in use at once. Up to 64 kB it keeps the whole reading within 4 × the file + 1 MiB.
 */
const BUDGET = { perByte: 6, atLeast: 448 * 1024 } as const;
const NAME_COST = 150;

interface Archive {
  readonly source: RandomAccess;
  readonly entries: ReadonlyMap<string, ZipEntry>;
  /** Every name begins with it. */
  readonly prefix: string;
  readonly bigEndian: boolean;
}

/**
 * Dictionaries and lists inside the outermost dictionary become names with dots; what is no tensor is left out. Of a
 * training checkpoint (a `state_dict` beside optimiser states and the like) only the state dict is read, under its own
 * names.
 * Throws AppError `weights-invalid`, also for a pickle that asks for anything but tensors.
 */
export async function openPytorchZip(source: RandomAccess): Promise<WeightSource> {
  const archive = await openArchive(source);
  const pickle = await readEntry(archive, 'data.pkl', MAX_PICKLE_BYTES);
  let tensors: Map<string, TorchTensor>;
  try {
    const budget = new PickleBudget(BUDGET.perByte * source.size + BUDGET.atLeast);
    tensors = namedTensors(runPickle(pickle, torchWorld, budget), budget);
  } catch (cause) {
    if (!(cause instanceof PickleError)) throw cause;
    throw weightsInvalid(source.name, `as a PyTorch file, ${cause.message}`, cause);
  }
  requireStorages(archive, tensors);
  const begins = new Map<string, number>();
  return weightSource(source.name, tensors, async (tensor, first, count) => {
    const { key } = tensor.storage;
    const name = `${archive.prefix}data/${key}`;
    const begin = begins.get(key) ?? (await zipEntryData(source, name, archive.entries.get(name)!));
    begins.set(key, begin);
    const elements = await readView(source, begin, tensor, first, count);
    if (archive.bigEndian) swapBytes(elements, elementBytes(tensor.type, 1)!);
    return elements;
  });
}

async function openArchive(source: RandomAccess): Promise<Archive> {
  const entries = await readZipDirectory(source);
  const roots = [...entries.keys()].filter((name) => /^[^/]*\/data\.pkl$/.test(name));
  if (roots.length !== 1) {
    throw weightsInvalid(source.name, 'it is a zip archive, but not one that torch.save writes (data.pkl is missing)');
  }
  const prefix = roots[0]!.slice(0, -'data.pkl'.length);
  if (entries.has(`${prefix}constants.pkl`)) {
    throw weightsInvalid(
      source.name,
      'it is a TorchScript program; save its state dict with safetensors.torch.save_file instead',
    );
  }
  const archive = { source, entries, prefix, bigEndian: false };
  if (!entries.has(`${prefix}byteorder`)) return archive;
  const order = new TextDecoder().decode(await readEntry(archive, 'byteorder', 16)).trim();
  if (order !== 'little' && order !== 'big') throw weightsInvalid(source.name, 'its byte order is unknown');
  return { ...archive, bigEndian: order === 'big' };
}

async function readEntry({ source, entries, prefix }: Archive, path: string, most: number): Promise<Uint8Array> {
  const name = prefix + path;
  const entry = entries.get(name)!;
  if (entry.size > most) throw weightsInvalid(source.name, `${path} has ${entry.size} bytes`);
  return source.read(await zipEntryData(source, name, entry), entry.size);
}

function namedTensors(root: PickleValue, budget: PickleBudget): Map<string, TorchTensor> {
  const tensors = new Map<string, TorchTensor>();
  const visit = (value: PickleValue, key: PickleKey, parent: string, depth: number): void => {
    // One dictionary may be named many times over: what it costs is counted each time.
    budget.spend(1);
    const isContainer = value instanceof PickleDict || Array.isArray(value);
    if (!isContainer && !isTensor(value)) return;
    const name = parent === '' ? String(key) : `${parent}.${key}`;
    budget.spend(NAME_COST + (parent === '' ? 0 : 2 * name.length));
    if (!isContainer) {
      if (tensors.has(name)) throw new PickleError(`two tensors in it are called ${shown(name)}`);
      tensors.set(name, value);
    } else {
      visitAll(value as PickleDict | readonly PickleValue[], name, depth + 1);
    }
  };
  const visitAll = (container: PickleDict | readonly PickleValue[], name: string, depth: number): void => {
    if (depth === MAX_DEPTH) throw new PickleError('its dictionaries are nested too deeply');
    container.forEach((value: PickleValue, key: PickleKey) => visit(value, key, name, depth));
  };
  const stateDict = root instanceof PickleDict ? root.get('state_dict') : undefined;
  if (stateDict instanceof PickleDict) visitAll(stateDict, '', 0);
  else if (root instanceof PickleDict) visitAll(root, '', 0);
  if (tensors.size === 0) throw new PickleError('it holds no tensors by name');
  return tensors;
}

function requireStorages({ source, entries, prefix }: Archive, tensors: ReadonlyMap<string, TorchTensor>): void {
  const problems: string[] = [];
  for (const [name, { storage }] of tensors) {
    const entry = entries.get(`${prefix}data/${storage.key}`);
    if (entry?.size === storage.bytes || problems.length === MAX_PROBLEMS_TOLD) continue;
    const found = entry === undefined ? 'missing' : `${entry.size} bytes long instead of ${storage.bytes}`;
    problems.push(`the values of ${shown(name)} (data/${shown(storage.key)}) are ${found}`);
  }
  if (problems.length > 0) throw weightsInvalid(source.name, problems.join('; '));
}

/** Elements in row-major order, whatever their order in the storage. */
async function readView(
  source: RandomAccess,
  begin: number,
  { type, offset, shape, stride }: TorchTensor,
  first: number,
  count: number,
): Promise<Uint8Array> {
  const width = elementBytes(type, 1)!;
  const read = (from: number, elements: number): Promise<Uint8Array> =>
    source.read(begin + from * width, elements * width);
  if (isContiguous(shape, stride)) return read(offset + first, count);

  const rowElements = elementCount(shape.slice(1));
  const sizes = [count / rowElements, ...shape.slice(1)];
  const start = offset + (first / rowElements) * stride[0]!;
  const span = sizes.reduce((sum, size, i) => sum + (size - 1) * stride[i]!, 1);
  const stored = elementWords(await read(start, span), type);
  const gathered = stored instanceof Uint16Array ? new Uint16Array(count) : new Uint32Array(count);
  gather(stored, gathered, sizes, stride);
  return new Uint8Array(gathered.buffer);
}

function isContiguous(shape: readonly number[], stride: readonly number[]): boolean {
  let expected = 1;
  for (let i = shape.length - 1; i >= 0; i--) {
    if (shape[i] !== 1 && stride[i] !== expected) return false;
    expected *= shape[i]!;
  }
  return true;
}

function gather(from: ElementWords, to: ElementWords, shape: readonly number[], stride: readonly number[]): void {
  const index = shape.map(() => 0);
  let at = 0;
  for (let i = 0; i < to.length; i++) {
    to[i] = from[at]!;
    for (let d = shape.length - 1; d >= 0; d--) {
      at += stride[d]!;
      if (++index[d]! < shape[d]!) break;
      at -= shape[d]! * stride[d]!;
      index[d] = 0;
    }
  }
}

function swapBytes(bytes: Uint8Array, width: number): void {
  for (let i = 0; i < bytes.length; i += width) bytes.subarray(i, i + width).reverse();
}
