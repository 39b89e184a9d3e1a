/** How the engine ended the last time in this browser: by our wish, or with the tab, the browser or the power. */
export type LastEnd = 'clean' | 'while-loading' | 'while-running';

export interface CrashGuard {
  /** Marks the engine as loading and tells how it ended the time before. */
  begin(): LastEnd;
  /** The model is there: what ends the engine from now on was not its size alone. */
  loaded(): void;
  /** The engine ends by our wish. */
  end(): void;
}

const KEY = 'likeness.engine';

/**
 * Phones end tabs without any event when memory runs out, and load the page again, which would load the model again
 * (transformers.js issue 1241). The mark outlives that; only whoever holds the engine's turn sets it.
 */
export function createCrashGuard(storage: Pick<Storage, 'getItem' | 'setItem' | 'removeItem'> | null): CrashGuard {
  const mark = (phase: 'loading' | 'running'): void => {
    try {
      storage?.setItem(KEY, phase);
    } catch {
      // A full storage marks nothing; the engine works all the same.
    }
  };
  return {
    begin() {
      const left = storage?.getItem(KEY) ?? null;
      mark('loading');
      if (left === null) return 'clean';
      return left === 'loading' ? 'while-loading' : 'while-running';
    },
    loaded: () => mark('running'),
    end: () => storage?.removeItem(KEY),
  };
}
