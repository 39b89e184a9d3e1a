/** What the page asks of the service worker; the answer to all but `SKIP_WAITING` comes through the message's port. */
import type { EngineBuild } from '../domain/ports.ts';

export type WorkerRequest =
  /** Take over from the version that is running; Workbox's name for it. */
  | { readonly type: 'SKIP_WAITING' }
  /**
   * Keep the files of this engine and no other's, and the model's description (see model-descriptions.ts).
   * Answered when done.
   */
  | { readonly type: 'KEEP'; readonly engine: EngineBuild; readonly description: string }
  /** What is kept? */
  | { readonly type: 'STATE'; readonly engine: EngineBuild | null };

export interface WorkerState {
  readonly version: string;
  /** Every file of the app lies in the cache. */
  readonly app: boolean;
  /** Every file of the engine asked about does. */
  readonly engine: boolean;
}
