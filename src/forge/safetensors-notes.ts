/** The notes of a safetensors file (`__metadata__` of its header), where peft keeps what a LoRA's tensors do not tell. */
import * as v from 'valibot';
import type { RandomAccess } from './random-access.ts';

const schema = v.object({ __metadata__: v.record(v.string(), v.string()) });

/**
 * No notes for a file of another kind, or one whose header is damaged: whoever reads its tensors tells of that. Throws
 * whatever reading throws: without its notes a LoRA would be folded at another strength.
 */
export async function readNotes(source: RandomAccess): Promise<Readonly<Record<string, string>>> {
  if (source.size < 10) return {};
  const prefix = await source.read(0, 9);
  const length = Number(new DataView(prefix.buffer, prefix.byteOffset, 8).getBigUint64(0, true));
  if (prefix[8] !== '{'.charCodeAt(0) || length > Math.min(source.size - 8, 100_000_000)) return {};
  const bytes = await source.read(8, length);
  try {
    const header: unknown = JSON.parse(new TextDecoder().decode(bytes));
    const parsed = v.safeParse(schema, header);
    return parsed.success ? parsed.output.__metadata__ : {};
  } catch {
    return {};
  }
}
