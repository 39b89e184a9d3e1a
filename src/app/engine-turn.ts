/** One engine for all tabs of this site: two would take the memory twice. */
import { signal, type ReadonlySignal } from '@preact/signals';
import type { Locks } from '../storage/web-locks.ts';

export interface EngineTurn {
  /** `elsewhere`: another tab has the engine; this one gets it when that one closes, or takes it. */
  readonly state: ReadonlySignal<'asking' | 'here' | 'elsewhere'>;
  /** Calls `begin` whenever the turn comes here, and awaits `end` whenever another tab takes it. */
  start(begin: () => void, end: () => Promise<void>): void;
  /** The other tab's engine ends, and with it what it draws. */
  takeOver(): void;
}

/** How tabs hear of each other; null where there is no BroadcastChannel. */
export type TabChannel = Pick<BroadcastChannel, 'postMessage' | 'onmessage'> | null;

const LOCK = 'engine';
const TAKE_OVER = 'take-over';

export function createEngineTurn(locks: Locks, channel: TabChannel): EngineTurn {
  const state = signal<'asking' | 'here' | 'elsewhere'>('asking');
  let giveUp: () => void = () => undefined;
  if (channel !== null) {
    channel.onmessage = ({ data }) => {
      if (data === TAKE_OVER) giveUp();
    };
  }

  return {
    state,
    start(begin, end) {
      const holdTurn = async (): Promise<true> => {
        const lost = new Promise<void>((resolve) => {
          giveUp = resolve;
        });
        state.value = 'here';
        begin();
        await lost;
        state.value = 'elsewhere';
        await end();
        return true;
      };
      const wait = (): void => {
        void locks.hold(LOCK, holdTurn).then(wait);
      };
      void locks.tryHold(LOCK, holdTurn).then((held) => {
        if (held === null) state.value = 'elsewhere';
        wait();
      });
    },
    takeOver() {
      channel?.postMessage(TAKE_OVER);
    },
  };
}
