/** All names by which LoRA files call the modules of a UNet or text encoder, made from the state dict's own names. */
import type { WeightSource } from './safetensors.ts';

export interface Target {
  /** Name of the weight in its source. */
  readonly tensor: string;
  readonly dims: readonly number[];
}

type Shapes = WeightSource['shapes'];

/** Weights of linear layers and convolutions by module name, with dots. */
function modules(shapes: Shapes): Map<string, Target> {
  const found = new Map<string, Target>();
  for (const [tensor, dims] of shapes) {
    if (tensor.endsWith('.weight') && (dims.length === 2 || dims.length === 4)) {
      found.set(tensor.slice(0, -'.weight'.length), { tensor, dims });
    }
  }
  return found;
}

/** With dots, with underscores (kohya), by the original checkpoint's blocks, and by attention processor (FaceID). */
export function unetAliases(shapes: Shapes): Map<string, Target> {
  const found = modules(shapes);
  const aliases = new Map(found);
  const blocks = originalBlocks([...found.keys()]);
  for (const [module, target] of found) {
    aliases.set(underscored(module), target);
    const original = originalName(module, blocks);
    if (original !== undefined) aliases.set(underscored(original), target);
  }
  attentionModules([...found.keys()]).forEach((attention, i) => {
    for (const part of ['to_q', 'to_k', 'to_v', 'to_out.0']) {
      const target = found.get(`${attention}.${part}`);
      if (target !== undefined) aliases.set(`ip_adapter.${i}.${part}`, target);
    }
  });
  return aliases;
}

/** With dots and underscores, with and without the `text_model.` of older transformers. */
export function textAliases(shapes: Shapes): Map<string, Target> {
  const aliases = new Map<string, Target>();
  for (const [module, target] of modules(shapes)) {
    const short = module.replace(/^text_model\./, '');
    for (const name of [short, `text_model.${short}`]) {
      aliases.set(name, target);
      aliases.set(underscored(name), target);
    }
  }
  return aliases;
}

function underscored(name: string): string {
  return name.replaceAll('.', '_');
}

/**
 * Attention modules in the order of diffusers' `unet.attn_processors`, by which face adapters number them: down, up,
 * and mid, which is registered last.
 */
function attentionModules(names: readonly string[]): string[] {
  const found = new Set(names.flatMap((name) => /^(.+\.attn[12])\.to_q$/.exec(name)?.[1] ?? []));
  const sections = ['down_blocks', 'up_blocks', 'mid_block'];
  const key = (name: string): number[] => [
    sections.findIndex((section) => name.startsWith(section)),
    ...(name.match(/\d+/g) ?? []).map(Number),
  ];
  const keyed = [...found].map((name) => ({ name, key: key(name) }));
  keyed.sort((a, b) => {
    const differing = a.key.findIndex((number, i) => number !== b.key[i]);
    return differing < 0 ? 0 : a.key[differing]! - (b.key[differing] ?? 0);
  });
  return keyed.map(({ name }) => name);
}

/**
 * Names of the original checkpoint's blocks by ours: `down_blocks.0.resnets.0` → `input_blocks.1.0`. The original counts
 * layers and downsamplers through all levels; inside a step 0 is the resnet, 1 the attention, and the last the upsampler.
 * Diffusers' `_maybe_map_sgm_blocks_to_diffusers` takes an upsampler behind a block without attention for an attention.
 */
function originalBlocks(names: readonly string[]): Map<string, string> {
  const has = (prefix: string): boolean => names.some((name) => name.startsWith(`${prefix}.`));
  const blocks = new Map<string, string>([
    ['mid_block.resnets.0', 'middle_block.0'],
    ['mid_block.attentions.0', 'middle_block.1'],
    ['mid_block.resnets.1', 'middle_block.2'],
    ['conv_in', 'input_blocks.0.0'],
    ['conv_out', 'out.2'],
    ['time_embedding.linear_1', 'time_embed.0'],
    ['time_embedding.linear_2', 'time_embed.2'],
  ]);
  let step = 1;
  for (let block = 0; has(`down_blocks.${block}`); block++) {
    const prefix = `down_blocks.${block}`;
    for (let layer = 0; has(`${prefix}.resnets.${layer}`); layer++, step++) {
      blocks.set(`${prefix}.resnets.${layer}`, `input_blocks.${step}.0`);
      blocks.set(`${prefix}.attentions.${layer}`, `input_blocks.${step}.1`);
    }
    if (has(`${prefix}.downsamplers.0`)) blocks.set(`${prefix}.downsamplers.0`, `input_blocks.${step++}.0`);
  }
  step = 0;
  for (let block = 0; has(`up_blocks.${block}`); block++) {
    const prefix = `up_blocks.${block}`;
    for (let layer = 0; has(`${prefix}.resnets.${layer}`); layer++, step++) {
      blocks.set(`${prefix}.resnets.${layer}`, `output_blocks.${step}.0`);
      blocks.set(`${prefix}.attentions.${layer}`, `output_blocks.${step}.1`);
    }
    const place = has(`${prefix}.attentions.0`) ? 2 : 1;
    blocks.set(`${prefix}.upsamplers.0`, `output_blocks.${step - 1}.${place}`);
  }
  return blocks;
}

/** A resnet's and a downsampler's layers in the original. */
const ORIGINAL_LAYERS: Readonly<Record<string, string>> = {
  conv1: 'in_layers.2',
  time_emb_proj: 'emb_layers.1',
  conv2: 'out_layers.3',
  conv_shortcut: 'skip_connection',
};

function originalName(module: string, blocks: ReadonlyMap<string, string>): string | undefined {
  const whole = blocks.get(module);
  if (whole !== undefined) return whole;
  const [, block = '', rest = ''] =
    /^((?:down_blocks|up_blocks)\.\d+\.\w+\.\d+|mid_block\.\w+\.\d+)\.(.+)$/.exec(module) ?? [];
  const original = blocks.get(block);
  if (original === undefined) return undefined;
  if (block.includes('.downsamplers.')) return `${original}.op`;
  return `${original}.${ORIGINAL_LAYERS[rest] ?? rest}`;
}
