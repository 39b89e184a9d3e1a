/** Turns that tabs and workers of this site take. A lock is free as soon as its holder ends, however it ends. */
export interface Locks {
  /**
   * Runs `work` while the lock is held; waits for it first. `signal` ends the waiting only.
   * Rejects with the signal's reason when it is aborted while waiting.
   */
  hold<T>(name: string, work: () => Promise<T>, options?: LockOptions): Promise<T>;
  /** As `hold`, but gives null at once when somebody else has the lock. */
  tryHold<T>(name: string, work: () => Promise<T>, options?: Pick<LockOptions, 'shared'>): Promise<T | null>;
}

export interface LockOptions {
  readonly signal?: AbortSignal | undefined;
  /** Several may hold it together, but not beside one who does not share. */
  readonly shared?: boolean;
}

/** Web Locks; without them (insecure pages) nobody waits, as there is no way to know of others. */
export function browserLocks(): Locks {
  const manager = (globalThis.navigator as { readonly locks?: LockManager } | undefined)?.locks;
  if (manager === undefined) return { hold: (_name, work) => work(), tryHold: (_name, work) => work() };
  const mode = (options?: { readonly shared?: boolean }): LockMode =>
    options?.shared === true ? 'shared' : 'exclusive';
  return {
    hold: (name, work, options) =>
      manager.request(
        name,
        { mode: mode(options), ...(options?.signal === undefined ? {} : { signal: options.signal }) },
        work,
      ),
    tryHold: (name, work, options) =>
      manager.request(name, { mode: mode(options), ifAvailable: true }, async (lock) =>
        lock === null ? null : work(),
      ),
  };
}
