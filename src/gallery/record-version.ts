/** Version of the records of tasks and results. A later version reads earlier ones, and is left alone by them. */
export const RECORD_VERSION = 1;

/** Whether a later version of the app wrote the record: another tab may run one. */
export function isFromLater(record: unknown): boolean {
  const version = (record as { readonly version?: unknown } | null | undefined)?.version;
  return typeof version === 'number' && version > RECORD_VERSION;
}
