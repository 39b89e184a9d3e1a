/** LoRAs into a checkpoint's networks: the face adapter's own and those that are given. */
import type { Checkpoint } from './checkpoint-folder.ts';
import { foldLoras, type FoldOptions, type WeightedLora } from './fold-loras.ts';
import type { FileOpener } from './folder-files.ts';
import { readLora } from './lora.ts';
import { openWeights } from './open-weights.ts';
import type { Problems } from './problems.ts';
import { readNotes } from './safetensors-notes.ts';

export interface LoraInput {
  /** What the person called it, for messages and licences. */
  readonly name: string;
  readonly open: FileOpener;
  /** 1 = as trained. */
  readonly scale: number;
}

export interface FoldWishes {
  /**
   * Strength of the LoRA that a FaceID adapter brings along; default 1, as the adapter was trained and as the reference
   * loads it.
   */
  readonly adapterLoraScale?: number | undefined;
  /** Leaves out what has no place in the base instead of refusing it. */
  readonly allowUnmatched?: boolean | undefined;
}

/** Reads the names in all files; what is no LoRA becomes a problem. */
export async function openLoras(inputs: readonly LoraInput[], problems: Problems): Promise<WeightedLora[]> {
  const loras: WeightedLora[] = [];
  for (const { open, scale } of inputs) {
    const lora = await problems.collect(async () => {
      const file = await open();
      return readLora(await openWeights(file), await readNotes(file));
    });
    if (lora !== undefined) loras.push({ lora, scale });
  }
  return loras;
}

/** The checkpoint with all LoRAs folded in, computed when its tensors are read. What does not fit becomes a problem. */
export async function foldCheckpoint(
  checkpoint: Checkpoint,
  loras: readonly WeightedLora[],
  { adapterLoraScale = 1, allowUnmatched = false, ...options }: FoldWishes & FoldOptions,
  problems: Problems,
  notice: (text: string) => void,
): Promise<Checkpoint> {
  const { adapter, unet, textEncoder } = checkpoint;
  const wanted = [...loras];
  if (adapter.hasLora && adapterLoraScale !== 0) {
    const lora = await problems.collect(() => readLora(adapter.weights));
    if (lora !== undefined) wanted.push({ lora, scale: adapterLoraScale });
  }
  const base = { unet: unet.weights, textEncoder: textEncoder.weights };
  const fitting: WeightedLora[] = [];
  for (const weighted of wanted) {
    // One by one, so that all that do not fit are told.
    const alone = await problems.collect(() => foldLoras(base, [weighted]));
    if (alone === undefined) continue;
    fitting.push(weighted);
    const keys = alone.unmatched.map(({ key }) => key);
    if (keys.length === 0) continue;
    const what = `${weighted.lora.name}: ${keys.length} keys have no place in this base`;
    if (allowUnmatched) notice(`${what} and are left out: ${keys.join(', ')}.`);
    else problems.weights(`${what} (--allow-unmatched leaves them out): ${keys.join(', ')}`);
  }
  if (fitting.length === 0) return checkpoint;
  const folded = foldLoras(base, fitting, options);
  return {
    ...checkpoint,
    unet: { ...unet, weights: folded.unet },
    textEncoder: { ...textEncoder, weights: folded.textEncoder },
  };
}
