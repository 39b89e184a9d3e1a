/** What a build consists of, as its service worker is told. Addresses are relative to the page. */
import type { EngineBuild } from '../domain/ports.ts';

export interface AppFile {
  readonly url: string;
  /** Hash of the content; null where the name carries one. */
  readonly revision: string | null;
}

export interface BuiltFiles {
  /** Changes with any file. */
  readonly version: string;
  /** Kept when the app is installed. */
  readonly app: readonly AppFile[];
  /** Glue and wasm of each build of the inference engine; only the one in use is kept. */
  readonly engines: Readonly<Record<EngineBuild, readonly string[]>>;
}
