/** What calls itself LoRA and is something else: other decompositions, other models. */
import type { WeightSource } from './safetensors.ts';

/** Suffixes by which LyCORIS (github.com/KohakuBlueleaf/LyCORIS) and peft name their other kinds. */
const KINDS: readonly (readonly [RegExp, string])[] = [
  [/\.hada_/, 'LoHa layers (hada_…)'],
  [/\.lokr_/, 'LoKr layers (lokr_…)'],
  [/\.(oft_|boft_|oft$)/, 'OFT layers (oft_…)'],
  [/\.(a1|a2|b1|b2)\.weight$/, 'GLoRA layers (a1, b1)'],
  [/\.on_input$/, 'IA³ layers (on_input)'],
  [/\.diff(_b)?$/, 'whole differences (diff)'],
  [/\.(w|b)_norm$/, 'norm layers (w_norm)'],
  [/\.(bias_indices|bias_values|bias_size)$/, 'sparse biases (bias_indices)'],
  [/\.lora_embedding_[AB]/, 'an embedding (lora_embedding_A)'],
  [/\.(lora_B|lora_up|lora\.up)(\.[^.]+)?\.bias$/, 'biases (lora_up.bias)'],
  [/\.scalar$/, 'trained scalars (scalar)'],
];

/** The kind in words, if the keys hold layers that are no plain low-rank pair. */
export function unsupportedKind(keys: readonly string[]): string | undefined {
  return KINDS.find(([suffix]) => keys.some((key) => suffix.test(key)))?.[1];
}

/** Width of SDXL's text states, which the keys and values of its attention read. */
const SDXL_TEXT_WIDTH = 2048;
const SDXL_KEY =
  /^(lora_te2_|text_encoder_2\.|base_model\.model\.text_encoder_2\.)|add_embedding|label_emb|transformer_blocks[._][1-9]/;
const TRANSFORMER_KEY =
  /^(transformer\.|diffusion_model\.(double|single)_blocks|lora_transformer_|lora_unet_(double|single)_blocks|lora_unet_joint_blocks|lora_prior_)/;
const READS_TEXT = /attn2[._]to_[kv][._]lora.*(down|lora_A)/;

/** The model that the file is for, if it is none of Stable Diffusion's first generation. */
export function foreignFamily(shapes: WeightSource['shapes']): string | undefined {
  for (const [key, dims] of shapes) {
    if (TRANSFORMER_KEY.test(key)) return `a transformer model such as Flux or Stable Diffusion 3 (${key})`;
    if (SDXL_KEY.test(key) || (READS_TEXT.test(key) && dims[1] === SDXL_TEXT_WIDTH)) return `SDXL (${key})`;
  }
  return undefined;
}
