/** Which LoRA layer changes which weight, checked by shapes before anything is read. */
import { AppError } from '../domain/errors.ts';
import type { MatMul } from '../domain/ports.ts';
import { elementCount } from '../domain/tensor.ts';
import { foldedSource, type Change } from './folded-source.ts';
import { textAliases, unetAliases, type Target } from './lora-names.ts';
import type { Lora, LoraLayer } from './lora.ts';
import { plainMatMul } from './plain-mat-mul.ts';
import type { WeightSource } from './safetensors.ts';

export interface BaseNetworks {
  /** In diffusers' naming. */
  readonly unet: WeightSource;
  /** In transformers' naming, with or without `text_model.`. */
  readonly textEncoder: WeightSource;
}

export interface WeightedLora {
  readonly lora: Lora;
  /** Strength; 1 is the LoRA as trained, 0 none of it, negative the opposite. */
  readonly scale: number;
}

export interface FoldedNetworks {
  readonly unet: WeightSource;
  readonly textEncoder: WeightSource;
  /** Keys without a place in these networks. They change nothing; tell the person, as the reference does. */
  readonly unmatched: readonly { readonly lora: string; readonly key: string }[];
}

export interface FoldOptions {
  /** Default: in TypeScript. */
  readonly matMul?: MatMul;
}

/** What a message lists at most. */
const SHOWN = 8;

/**
 * Folds LoRAs into a base, lazily: each tensor is changed in f32 when it is read, in the order of `loras`.
 *
 * Throws AppError `weights-invalid` at once when no layer of a LoRA has a place in the base, or layers have another
 * width than the base (all of them listed); on reading, what the LoRA's source throws (NaN, damage).
 */
export function foldLoras(
  base: BaseNetworks,
  loras: readonly WeightedLora[],
  options: FoldOptions = {},
): FoldedNetworks {
  const matMul = options.matMul ?? plainMatMul;
  const aliases = { unet: unetAliases(base.unet.shapes), textEncoder: textAliases(base.textEncoder.shapes) };
  const changes = { unet: new Map<string, Change[]>(), textEncoder: new Map<string, Change[]>() };
  const unmatched: { lora: string; key: string }[] = [];
  for (const { lora, scale } of loras) {
    const problems: string[] = [];
    const taken = new Set<Target>();
    const unplaced = (keys: readonly string[]) => unmatched.push(...keys.map((key) => ({ lora: lora.name, key })));
    for (const layer of lora.layers) {
      const place = find(layer, aliases);
      // A file that names a module twice, by its own and by the original name: the reference drops the second, too.
      if (place === undefined || taken.has(place.target)) {
        unplaced(layer.keys);
        continue;
      }
      taken.add(place.target);
      const problem = misfit(lora, layer, place.target);
      if (problem !== undefined) problems.push(problem);
      const own = changes[place.network];
      const { tensor } = place.target;
      own.set(tensor, [...(own.get(tensor) ?? []), { source: lora.source, layer, scale }]);
    }
    unplaced(lora.strangers);
    if (taken.size === 0) {
      const [first] = lora.layers;
      throw invalid(lora, `none of its ${lora.layers.length} layers is in this model (the first is ${first!.module})`);
    }
    if (problems.length > 0) {
      const shown = problems.slice(0, SHOWN);
      if (problems.length > SHOWN) shown.push(`and ${problems.length - SHOWN} more`);
      throw invalid(lora, `its layers do not fit this model, it was made for another: ${shown.join('; ')}`, problems);
    }
  }
  return {
    unet: foldedSource(base.unet, changes.unet, matMul),
    textEncoder: foldedSource(base.textEncoder, changes.textEncoder, matMul),
    unmatched,
  };
}

type Aliases = Readonly<Record<'unet' | 'textEncoder', ReadonlyMap<string, Target>>>;

function find(layer: LoraLayer, aliases: Aliases): { network: keyof Aliases; target: Target } | undefined {
  for (const network of ['unet', 'textEncoder'] as const) {
    if (layer.network !== undefined && layer.network !== network) continue;
    const target = aliases[network].get(layer.module);
    if (target !== undefined) return { network, target };
  }
  return undefined;
}

/** Linear layers and 1×1 convolutions stand for each other; everything else must agree. */
function misfit({ source }: Lora, layer: LoraLayer, { dims }: Target): string | undefined {
  const [out = 1, inputs = 1, ...kernel] = dims;
  const [rows = 1] = source.shapes.get(layer.up)!;
  const [, columns = 1, ...downKernel] = source.shapes.get(layer.down)!;
  const ownKernel = layer.mid === undefined ? downKernel : source.shapes.get(layer.mid)!.slice(2);
  const same = (a: readonly number[], b: readonly number[]) => a.join() === b.join();
  const fits =
    rows === out && columns === inputs && (same(kernel, ownKernel) || elementCount([...kernel, ...ownKernel]) === 1);
  if (!fits) {
    const shown = [rows, columns, ...ownKernel].join(', ');
    return `${layer.module} changes [${shown}], the model has [${dims.join(', ')}]`;
  }
  if (layer.magnitude === undefined) return undefined;
  // peft keeps a convolution's lengths as [1, out, 1, 1]; LyCORIS's [1, in, 1, 1] looks the same and is another thing.
  const lengths = source.shapes.get(layer.magnitude)!;
  const ofOutputs = lengths[0] === out || (!layer.magnitude.endsWith('.dora_scale') && lengths[1] === out);
  if (ofOutputs && elementCount(lengths) === out) return undefined;
  return `${layer.magnitude} [${lengths.join(', ')}] is not one length per output of [${dims.join(', ')}]; DoRA over inputs cannot be folded`;
}

function invalid(lora: Lora, what: string, problems?: readonly string[]): AppError {
  return new AppError('weights-invalid', `${lora.name} cannot be folded: ${what}.`, {
    details: { file: lora.name, ...(problems && { problems }) },
  });
}
