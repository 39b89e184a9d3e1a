/** What keeps the app itself: the port that `pwa` implements with a service worker. */
import type { EngineBuild } from '../domain/ports.ts';

export interface KeptFiles {
  /** Version of the app that is kept; changes with any of its files. */
  readonly version: string;
  readonly app: boolean;
  /** The files of the engine build that was asked about. */
  readonly engine: boolean;
}

export interface AppShell {
  /** Resolves when this version of the app is kept. False where the browser, or this address, does not allow it. */
  start(): Promise<boolean>;
  /** What lies in the browser's cache now; null when nothing answers. */
  kept(engine: EngineBuild | null): Promise<KeptFiles | null>;
  /** Keeps this engine build instead of any other, and the model's description. */
  keep(engine: EngineBuild, description: string): Promise<KeptFiles | null>;
  /** Another version is complete and waits to be let in. Also called for one that waited before the page opened. */
  onUpdateReady(listener: () => void): void;
  /** Another version has taken over, whoever asked for it; this page is still the one before. */
  onReplaced(listener: () => void): void;
  /** Looks for another version now. Never rejects: without a network there is none. */
  lookForUpdate(): Promise<void>;
  /** Lets the waiting version take over, for every open page. */
  letUpdateIn(): void;
}
