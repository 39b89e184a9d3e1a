/**
 * The names that torch.save writes for tensors (torch/_utils.py and torch/storage.py of PyTorch 2.13), as data: a tensor
 * here is where its elements lie, not the elements. No name outside this list means anything.
 */
import { elementBytes } from './element-types.ts';
import {
  isObject,
  PickleDict,
  PickleError,
  type PickledObject,
  type PickleName,
  type PickleValue,
  type PickleWorld,
} from './pickle-values.ts';

export interface TorchStorage extends PickledObject {
  readonly kind: 'storage';
  /** Name of its entry in the archive's data folder. */
  readonly key: string;
  readonly bytes: number;
  /** Absent for a storage of plain bytes, whose tensors tell their type. */
  readonly type: string | undefined;
}

/** A view into a storage; offset and strides in elements. */
export interface TorchTensor extends PickledObject {
  readonly kind: 'tensor';
  readonly storage: TorchStorage;
  readonly type: string;
  readonly offset: number;
  readonly shape: readonly number[];
  readonly stride: readonly number[];
}

interface TypeName extends PickleName {
  readonly type: string | undefined;
}

const STORAGES: Readonly<Record<string, string | undefined>> = {
  'torch.DoubleStorage': 'F64',
  'torch.FloatStorage': 'F32',
  'torch.HalfStorage': 'F16',
  'torch.BFloat16Storage': 'BF16',
  'torch.LongStorage': 'I64',
  'torch.IntStorage': 'I32',
  'torch.ShortStorage': 'I16',
  'torch.CharStorage': 'I8',
  'torch.ByteStorage': 'U8',
  'torch.BoolStorage': 'BOOL',
  'torch.ComplexFloatStorage': 'C64',
  'torch.ComplexDoubleStorage': 'C128',
  'torch.storage.UntypedStorage': undefined,
};

/** Types that have no storage class of their own. */
const TYPES: Readonly<Record<string, string>> = {
  'torch.float64': 'F64',
  'torch.float32': 'F32',
  'torch.float16': 'F16',
  'torch.bfloat16': 'BF16',
  'torch.float8_e4m3fn': 'F8_E4M3',
  'torch.float8_e5m2': 'F8_E5M2',
  'torch.float8_e4m3fnuz': 'F8_E4M3FNUZ',
  'torch.float8_e5m2fnuz': 'F8_E5M2FNUZ',
  'torch.float8_e8m0fnu': 'F8_E8M0',
  'torch.uint16': 'U16',
  'torch.uint32': 'U32',
  'torch.uint64': 'U64',
};

const MAX_DIMENSIONS = 64;

const typeNames = [...Object.entries(STORAGES), ...Object.entries(TYPES)].map(([name, type]): TypeName => ({
  kind: 'name',
  name,
  type,
  cost: 0,
}));
const callables: readonly PickleName[] = [
  { kind: 'name', name: 'collections.OrderedDict', call: newOrderedDict, cost: 64 },
  { kind: 'name', name: 'torch._utils._rebuild_tensor', call: rebuildTensor, cost: 300 },
  { kind: 'name', name: 'torch._utils._rebuild_tensor_v2', call: rebuildTensor, cost: 300 },
  { kind: 'name', name: 'torch._utils._rebuild_tensor_v3', call: rebuildTensor, cost: 300 },
  { kind: 'name', name: 'torch._utils._rebuild_parameter', call: ([data]) => requireTensor(data), cost: 64 },
];
const NAMES: ReadonlyMap<string, PickleName> = new Map([...typeNames, ...callables].map((name) => [name.name, name]));

export const torchWorld: PickleWorld = { lookUp, load: loadStorage };

export function isTensor(value: PickleValue | undefined): value is TorchTensor {
  return isObject(value) && value.kind === 'tensor';
}

function lookUp(name: string): PickleName {
  const known = NAMES.get(name);
  if (known === undefined) {
    throw new PickleError(
      `it asks for ${name.slice(0, 120)}, which is no tensor; nothing of it was run. If you trust its source, load it ` +
        'there and save the state dict with safetensors.torch.save_file',
    );
  }
  return known;
}

/** ('storage', class, key, device, number of elements): torch.save's only persistent id. */
function loadStorage(id: PickleValue): TorchStorage {
  const [tag, name, key, , count] = Array.isArray(id) ? (id as readonly PickleValue[]) : [];
  if (tag !== 'storage' || !isTypeName(name) || !(name.name in STORAGES) || typeof key !== 'string' || !isSize(count)) {
    throw new PickleError('it refers to something outside that is no storage of a tensor');
  }
  const bytes = name.type === undefined ? count : elementBytes(name.type, count)!;
  return { kind: 'storage', key, bytes, type: name.type };
}

/** (storage, offset, shape, strides, …); version 3 ends in (…, type, metadata) over a storage of plain bytes. */
function rebuildTensor(args: readonly PickleValue[]): TorchTensor {
  const [storage, offset, shape, stride] = args;
  if (!isStorage(storage) || !isSize(offset) || !isSizes(shape) || !isSizes(stride) || shape.length !== stride.length) {
    throw new PickleError('a tensor in it has no valid storage, offset, shape or strides');
  }
  const named = args[6];
  const type = storage.type ?? (isTypeName(named) ? named.type : undefined);
  if (type === undefined) throw new PickleError('a tensor in it has no element type');

  const elements = shape.includes(0) ? 0 : shape.reduce((product, size) => product * size, 1);
  const last = shape.reduce((sum, size, i) => sum + (size - 1) * stride[i]!, offset);
  const room = Math.floor(storage.bytes / elementBytes(type, 1)!);
  if (elements > 0 && !(last < room)) throw new PickleError('a tensor in it reaches beyond its storage');
  // A stride of 0 would make any number of elements out of one.
  if (elements > room) throw new PickleError('a tensor in it has more elements than its storage');
  return { kind: 'tensor', storage, type, offset, shape, stride };
}

function newOrderedDict(args: readonly PickleValue[]): PickleDict {
  if (args.length > 0) throw new PickleError('it makes an OrderedDict out of something else');
  return new PickleDict();
}

function requireTensor(value: PickleValue | undefined): TorchTensor {
  if (!isTensor(value)) throw new PickleError('a parameter in it is no tensor');
  return value;
}

function isStorage(value: PickleValue | undefined): value is TorchStorage {
  return isObject(value) && value.kind === 'storage';
}

function isTypeName(value: PickleValue | undefined): value is TypeName {
  return isObject(value) && value.kind === 'name' && 'type' in value;
}

function isSize(value: PickleValue | undefined): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

function isSizes(value: PickleValue | undefined): value is readonly number[] {
  return Array.isArray(value) && value.length <= MAX_DIMENSIONS && value.every(isSize);
}
