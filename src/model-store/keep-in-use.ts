import { useLock, type StoreParts } from './store-parts.ts';

/** The model cannot be removed until the returned function is called or this worker ends. */
export function keepInUse({ locks }: StoreParts, id: string): () => void {
  let end: () => void = () => undefined;
  const ended = new Promise<void>((resolve) => {
    end = resolve;
  });
  locks.hold(useLock(id), () => ended, { shared: true }).catch(() => undefined);
  return end;
}
