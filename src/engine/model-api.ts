/** The contract between the page and the model worker. Both sides import this file and nothing of each other. */
import type { ModelListing, ModelSource, VerifyReport } from '../domain/models.ts';

/** Every method may throw AppError; the code survives the crossing. How far work has come is told on the model channel. */
export interface ModelApi {
  /**
   * `lock` is the name of the Web Lock that the worker holds while it lives (null where there are no Web Locks), `holder`
   * its name on the model channel.
   */
  ready(setup: { readonly catalogueUrl: string }): Promise<{ readonly lock: string | null; readonly holder: string }>;
  list(): Promise<readonly ModelListing[]>;
  /** Downloads or goes on downloading; resolves with the model's id when it is installed, rejects `cancelled` when stopped. */
  install(source: ModelSource): Promise<string>;
  /** Stops the work on a model in whichever tab it happens; what is verified stays. */
  pause(id: string): Promise<void>;
  /** As `pause`, and forgets what has been downloaded. */
  cancel(id: string): Promise<void>;
  remove(id: string): Promise<void>;
  /** Looks through every chunk and fetches again those that are damaged. */
  verify(id: string): Promise<VerifyReport>;
  /** One zip, or the files of a folder; resolves with the model's id. */
  importFiles(files: readonly File[]): Promise<string>;
  exportZip(id: string): Promise<Blob>;
}
