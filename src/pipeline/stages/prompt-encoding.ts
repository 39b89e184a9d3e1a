import type { SessionRunner } from '../../domain/ports.ts';
import { readFloats } from '../tensor-reading.ts';

/** Token ids `[1, L]` to the text encoder's `last_hidden_state`, L · d values in ordinary memory. */
export async function encodePrompt(runner: SessionRunner, ids: Int32Array): Promise<Float32Array> {
  const outputs = await runner.run('textEncoder', { input_ids: { dtype: 'int32', dims: [1, ids.length], data: ids } });
  return (await readFloats(runner, 'textEncoder', outputs, 'last_hidden_state')).data;
}
