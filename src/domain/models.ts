/** What the page and the store say to each other about models on this device. */

export interface ModelLicence {
  readonly name: string;
  readonly commercialUse: boolean;
  readonly url: string | null;
}

/**
 * `partial`: some chunks are here, the download can go on. `installed`: every chunk is here. `damaged`: it was installed,
 * but the browser has lost something; verifying fetches that.
 */
export type ModelState = 'absent' | 'partial' | 'installed' | 'damaged';

/** One model as it stands on this device. */
export interface ModelListing {
  readonly id: string;
  readonly title: string;
  readonly licence: ModelLicence;
  readonly downloadBytes: number;
  readonly diskBytes: number;
  /** What it takes while it draws, weights and intermediate results together; null when nobody has said. */
  readonly memoryBytes: number | null;
  readonly state: ModelState;
  /** Bytes of it that are kept and were right when they were stored. */
  readonly keptBytes: number;
  /** Whether the network has it, so that it can be installed and repaired. */
  readonly downloadable: boolean;
}

/** Where a model comes from: the catalogue (or an earlier install) by id, or an address that ends in its folder or bundle.json. */
export type ModelSource = { readonly id: string } | { readonly url: string };

export interface VerifyReport {
  readonly checkedChunks: number;
  /** Chunks that were damaged or lost, and are right again. */
  readonly repairedChunks: number;
}

export interface InstallProgress {
  /** Bytes whose SHA-256 has been checked, now or on an earlier visit. */
  readonly verifiedBytes: number;
  readonly totalBytes: number;
  /** Null as long as it would be a guess. */
  readonly timeLeftMs: number | null;
  /** The server sends whole files only: what breaks off starts again at the file's beginning. */
  readonly wholeFilesOnly: boolean;
}

/** What every tab of this site hears; `holder` is the worker that works on the model. */
export type ModelEvent =
  | { readonly type: 'progress'; readonly id: string; readonly holder: string; readonly progress: InstallProgress }
  /** The work on a model has ended, well or not; whoever shows models asks for the list again. */
  | { readonly type: 'ended'; readonly id: string; readonly holder: string }
  /** Whoever works on the model stops; what is verified stays. */
  | { readonly type: 'stop'; readonly id: string };
