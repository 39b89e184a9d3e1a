import type { BusySign } from '../app/app-update.ts';

const LOCK = 'likeness-drawing';

/** A shared Web Lock: it goes with its page, however that ends. Without Web Locks every page knows only itself. */
export function webLockSign(locks: LockManager | null): BusySign {
  return {
    show() {
      let takeDown: () => void = () => undefined;
      const shown = new Promise<void>((resolve) => (takeDown = resolve));
      void locks?.request(LOCK, { mode: 'shared' }, () => shown);
      return takeDown;
    },
    async isFree() {
      return locks === null || (await locks.request(LOCK, { ifAvailable: true }, (lock) => lock !== null));
    },
  };
}
