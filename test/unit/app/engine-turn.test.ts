import { describe, expect, it } from 'vitest';
import { createEngineTurn, type EngineTurn } from '../../../src/app/engine-turn.ts';
import { memoryLocks } from '../../fixtures/store-parts.ts';
import { settle } from '../engine/engine-contract.ts';

/** Tabs of one site: shared locks, and a channel that reaches all the others. */
function openTabs(count: number) {
  const locks = memoryLocks();
  const channels = Array.from({ length: count }, () => ({
    onmessage: null as ((event: MessageEvent) => unknown) | null,
    postMessage(data: unknown) {
      for (const other of channels) if (other !== this) other.onmessage?.(new MessageEvent('message', { data }));
    },
  }));
  const log: string[] = [];
  const turns: EngineTurn[] = channels.map((channel) =>
    createEngineTurn(locks, channel as unknown as BroadcastChannel),
  );
  const start = (tab: number): void =>
    turns[tab]!.start(
      () => log.push(`begin ${tab}`),
      () => Promise.resolve(void log.push(`end ${tab}`)),
    );
  return { turns, log, start, states: () => turns.map(({ state }) => state.value) };
}

describe('engine turn', () => {
  it('goes to the first tab; the second one can take it, and the first one back', async () => {
    const { turns, log, start, states } = openTabs(2);
    start(0);
    await settle();
    start(1);
    await settle();
    expect(states()).toEqual(['here', 'elsewhere']);
    turns[1]!.takeOver();
    await settle();
    expect(states()).toEqual(['elsewhere', 'here']);
    turns[0]!.takeOver();
    await settle();
    expect(states()).toEqual(['here', 'elsewhere']);
    expect(log).toEqual(['begin 0', 'end 0', 'begin 1', 'end 1', 'begin 0']);
  });
});
