/** peft's configuration as diffusers 0.42 keeps it in a safetensors file's notes (loaders/lora_base.py). */
import * as v from 'valibot';

/** Key of the notes under which diffusers keeps it. */
const NOTE = 'lora_adapter_metadata';

const patternSchema = v.optional(v.nullable(v.record(v.string(), v.number())), null);
const schema = v.object({
  r: v.number(),
  lora_alpha: v.number(),
  alpha_pattern: patternSchema,
  use_rslora: v.optional(v.nullable(v.boolean()), false),
});

/** Their prefixes of the two networks. */
const PREFIXES = { unet: 'unet.', textEncoder: 'text_encoder.' } as const;

/**
 * alpha / rank of a module (alpha / √rank with rank-stabilised LoRA, arXiv:2312.03732); 1 where the notes say nothing,
 * which is the reference's convention for files without alpha.
 */
export function peftScale(
  metadata: Readonly<Record<string, string>>,
  network: keyof typeof PREFIXES,
  module: string,
  rank: number,
): number {
  const config = readConfig(metadata[NOTE], PREFIXES[network]);
  if (config === undefined) return 1;
  const patterns = Object.entries(config.alpha_pattern ?? {});
  const own = patterns.find(([pattern]) => {
    const name = pattern.replace(/^\^/, '');
    return module === name || (pattern === name && module.endsWith(`.${name}`));
  });
  const alpha = own?.[1] ?? config.lora_alpha;
  return alpha / (config.use_rslora === true ? Math.sqrt(rank) : rank);
}

function readConfig(note: string | undefined, prefix: string): v.InferOutput<typeof schema> | undefined {
  if (note === undefined) return undefined;
  try {
    const all = Object.entries(JSON.parse(note) as Record<string, unknown>);
    const own = all.filter(([key]) => key.startsWith(prefix)).map(([key, value]) => [key.slice(prefix.length), value]);
    const parsed = v.safeParse(schema, Object.fromEntries(own));
    return parsed.success ? parsed.output : undefined;
  } catch {
    return undefined;
  }
}
