/** What workers and tabs of this site tell each other about models that are being worked on. */
import type { ModelEvent } from '../domain/models.ts';

export interface ModelChannel {
  post(event: ModelEvent): void;
  /** Hears everything posted in this site, here included. */
  subscribe(listener: (event: ModelEvent) => void): () => void;
}

/** A channel that other tabs hear where there is BroadcastChannel (everywhere but in some tests). */
export function openModelChannel(): ModelChannel {
  const listeners = new Set<(event: ModelEvent) => void>();
  const tell = (event: ModelEvent): void => {
    for (const listener of listeners) listener(event);
  };
  const wide = 'BroadcastChannel' in globalThis ? new BroadcastChannel('likeness-models') : null;
  if (wide !== null) wide.onmessage = ({ data }: MessageEvent<ModelEvent>) => tell(data);
  // Node keeps running for an open channel; browsers have no `unref`.
  (wide as { unref?: () => void } | null)?.unref?.();
  return {
    post(event) {
      wide?.postMessage(event); // not heard by the object that posts
      tell(event);
    },
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}
