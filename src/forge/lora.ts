/**
 * LoRA files (arXiv:2106.09685): which layer each low-rank pair belongs to, in all spellings that are in use. Key names
 * as diffusers 0.42.1 (loaders/lora_conversion_utils.py, utils/state_dict_utils.py), peft 0.21 and kohya's sd-scripts
 * write them; IP-Adapter FaceID's own LoRA as loaders/unet.py of diffusers reads it.
 */
import { AppError } from '../domain/errors.ts';
import { elementCount } from '../domain/tensor.ts';
import { foreignFamily, unsupportedKind } from './lora-kinds.ts';
import { peftScale } from './lora-metadata.ts';
import type { WeightSource } from './safetensors.ts';

/** One layer's change: ΔW = scale · up · (mid ·) down, all by tensor name in the file. */
export interface LoraLayer {
  /** Undefined where the file does not say. */
  readonly network: 'unet' | 'textEncoder' | undefined;
  /** The module as the file spells it: with dots, underscores, or `ip_adapter.{processor}.to_q`; see lora-names.ts. */
  readonly module: string;
  /** [rank, in] or [rank, in, kh, kw]. */
  readonly down: string;
  /** [out, rank] or [out, rank, 1, 1]. */
  readonly up: string;
  /** [rank, rank, kh, kw] between a 1×1 down and up (LyCORIS's cp-decomposed convolution). */
  readonly mid: string | undefined;
  /** A single number; the change is multiplied by alpha / rank. */
  readonly alpha: string | undefined;
  /** DoRA (arXiv:2402.09353): length of each output row, [out], [out, 1, …] or [1, out, 1, 1]. */
  readonly magnitude: string | undefined;
  readonly rank: number;
  /** What multiplies the change where the file holds no alpha tensor. */
  readonly scale: number;
  /** All tensors of this layer. */
  readonly keys: readonly string[];
}

export interface Lora {
  /** The file's name, for messages. */
  readonly name: string;
  readonly source: WeightSource;
  readonly layers: readonly LoraLayer[];
  /** Keys that are no part of a LoRA layer (nor of the face adapter that the LoRA lies in). */
  readonly strangers: readonly string[];
}

type Part = 'down' | 'up' | 'mid' | 'alpha' | 'magnitude';

/** `X.lora_down.weight`, `X.lora_A[.adapter].weight`, `X.lora.down.weight`, `X_lora.down.weight`, `X.lora_linear_layer.down.weight`. */
const FACTOR =
  /^(.+?)(?:\.lora_(down|up|mid|A|B)(?:\.[^.]+)?|[._]lora\.(down|up)|\.lora_linear_layer\.(down|up))\.weight$/;
const ALPHA = /^(.+)\.alpha$/;
const MAGNITUDE = /^(.+)\.(?:dora_scale|lora_magnitude_vector(?:\.[^.]+)*)$/;
const FACE_LORA = /^(?:ip_adapter\.)?\d+\.to_(?:q|k|v|out)_lora\./;
/** The rest of a face adapter, which is no matter of the LoRA. */
const FACE_ADAPTER = /^(?:image_proj\.|(?:ip_adapter\.)?\d+\.to_[kv]_ip\.)/;
/** What a message lists at most. */
const SHOWN = 8;

/** Whether a face adapter's tensor belongs to the LoRA that it brings along (FaceID does, plus-face does not). */
export function isFaceLora(key: string): boolean {
  return FACE_LORA.test(key);
}

/**
 * Reads names and shapes only; values are read when they are folded.
 * `metadata`: the file's own notes (`__metadata__` of a safetensors header), where peft keeps alpha.
 *
 * Throws AppError `weights-invalid` for a file without any LoRA layer, for other decompositions (LoHa, LoKr, … by name),
 * for LoRAs of SDXL and of transformer models, and with all layers that lack a half or whose shapes contradict.
 */
export function readLora(source: WeightSource, metadata: Readonly<Record<string, string>> = {}): Lora {
  const keys = [...source.shapes.keys()];
  const kind = unsupportedKind(keys);
  if (kind !== undefined) {
    throw invalid(source, `it holds ${kind}; only LoRA, LoCon and DoRA layers can be folded`);
  }
  const family = foreignFamily(source.shapes);
  if (family !== undefined) {
    throw invalid(source, `it was made for ${family}; a LoRA for Stable Diffusion 1.x is needed`);
  }

  const { groups, strangers } = groupKeys(keys);
  const factors = [...groups.values()].filter(({ down, up }) => down !== undefined || up !== undefined);
  if (factors.length === 0) {
    throw invalid(source, `none of its ${keys.length} keys belongs to a LoRA (the first is ${keys[0] ?? 'missing'})`);
  }
  const problems: string[] = [];
  const layers: LoraLayer[] = [];
  for (const [stem, parts] of groups) {
    const problem = shapeProblem(source.shapes, parts);
    if (problem !== undefined) {
      problems.push(`${stem}: ${problem}`);
      continue;
    }
    const { down = '', up = '', mid, alpha, magnitude } = parts;
    const { network, module } = locate(stem);
    const rank = source.shapes.get(down)?.[0] ?? 1;
    const scale = network === undefined ? 1 : peftScale(metadata, network, module, rank);
    const named = Object.values(parts);
    layers.push({ network, module, down, up, mid, alpha, magnitude, rank, scale, keys: named });
  }
  if (problems.length > 0) {
    const shown = problems.slice(0, SHOWN);
    if (problems.length > SHOWN) shown.push(`and ${problems.length - SHOWN} more`);
    throw invalid(source, shown.join('; '), problems);
  }
  return { name: source.name, source, layers, strangers };
}

function groupKeys(keys: readonly string[]): {
  groups: Map<string, Partial<Record<Part, string>>>;
  strangers: string[];
} {
  const groups = new Map<string, Partial<Record<Part, string>>>();
  const strangers: string[] = [];
  const inAdapter = keys.some(isFaceLora);
  for (const key of keys) {
    const found = readKey(key);
    if (found !== undefined) {
      const group = groups.get(found.stem) ?? {};
      if (group[found.part] === undefined) group[found.part] = key;
      else strangers.push(key);
      groups.set(found.stem, group);
    } else if (!(inAdapter && FACE_ADAPTER.test(key))) strangers.push(key);
  }
  return { groups, strangers };
}

function readKey(key: string): { stem: string; part: Part } | undefined {
  const factor = FACTOR.exec(key);
  if (factor !== null) {
    const word = factor[2] ?? factor[3] ?? factor[4];
    const part = word === 'A' ? 'down' : word === 'B' ? 'up' : (word as Part);
    return { stem: factor[1]!, part };
  }
  const alpha = ALPHA.exec(key);
  if (alpha !== null) return { stem: alpha[1]!, part: 'alpha' };
  const magnitude = MAGNITUDE.exec(key);
  return magnitude === null ? undefined : { stem: magnitude[1]!, part: 'magnitude' };
}

/** What keeps these tensors from being one layer; undefined when they are. */
function shapeProblem(
  shapes: WeightSource['shapes'],
  { down, up, mid, alpha }: Partial<Record<Part, string>>,
): string | undefined {
  if (down === undefined || up === undefined) {
    return down === undefined && up === undefined ? 'both halves are missing' : `${down ? 'up' : 'down'} is missing`;
  }
  const [rank = 0, ...inner] = shapes.get(down)!;
  const [rows = 0, columns = 0, ...upKernel] = shapes.get(up)!;
  const shown = (key: string) => `[${shapes.get(key)!.join(', ')}]`;
  if (rank < 1 || rows < 1 || elementCount(inner) < 1 || (inner.length !== 1 && inner.length !== 3)) {
    return `down ${shown(down)} and up ${shown(up)} are no linear layer and no convolution`;
  }
  if (elementCount(upKernel) !== 1) return `up ${shown(up)} is no 1×1 convolution`;
  if (mid === undefined) {
    if (columns !== rank) return `the ranks of down ${shown(down)} and up ${shown(up)} differ`;
  } else {
    const [midRows, midColumns, ...midKernel] = shapes.get(mid)!;
    if (midRows !== columns || midColumns !== rank || midKernel.length !== 2) {
      return `mid ${shown(mid)} does not fit between down ${shown(down)} and up ${shown(up)}`;
    }
    if (elementCount(inner.slice(1)) !== 1) return `down ${shown(down)} before a mid must be 1×1`;
  }
  if (alpha !== undefined && elementCount(shapes.get(alpha)!) !== 1) return `alpha ${shown(alpha)} is no single number`;
  return undefined;
}

/** Network and module of a stem, with the older spellings of attention brought to the state dict's own. */
function locate(stem: string): Pick<LoraLayer, 'network' | 'module'> {
  const bare = stem.replace(/^base_model\.model\./, '');
  const kohya = /^lora_(unet|te1?)_(.+)$/.exec(bare);
  if (kohya !== null) return { network: kohya[1] === 'unet' ? 'unet' : 'textEncoder', module: kohya[2]! };
  const dotted = /^(unet|text_encoder)\.(.+)$/.exec(bare);
  const network = dotted === null ? undefined : dotted[1] === 'unet' ? 'unet' : 'textEncoder';
  const module = dotted?.[2] ?? bare;
  const face = /^(?:ip_adapter\.)?(\d+\.to_(?:q|k|v|out))$/.exec(module);
  if (face !== null) return { network: 'unet', module: `ip_adapter.${face[1]!}`.replace(/\.to_out$/, '.to_out.0') };
  if (module.includes('self_attn.')) {
    return { network, module: module.replace(/\.to_(q|k|v|out)$/, '.$1_proj') };
  }
  return { network, module: module.replace('.processor.', '.').replace(/\.to_out$/, '.to_out.0') };
}

function invalid(source: WeightSource, what: string, problems?: readonly string[]): AppError {
  return new AppError('weights-invalid', `${source.name} cannot be folded as a LoRA: ${what}.`, {
    details: { file: source.name, ...(problems && { problems }) },
  });
}
