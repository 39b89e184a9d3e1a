import type { RecordForm } from '../storage/record-form.ts';

type FileRecord = Blob | { readonly bytes: ArrayBuffer; readonly type: string };

/** A file in the form that the browser keeps best. */
export async function recordOf(file: Blob, form: RecordForm): Promise<FileRecord> {
  return form === 'blob' ? file : { bytes: await file.arrayBuffer(), type: file.type };
}

/** The file of a record in either form; null when there is none. */
export function fileOf(record: unknown): Blob | null {
  if (record instanceof Blob) return record;
  const { bytes, type } = (record ?? {}) as { readonly bytes?: unknown; readonly type?: unknown };
  return bytes instanceof ArrayBuffer && typeof type === 'string' ? new Blob([bytes], { type }) : null;
}

/** Whether the bytes are still there: Chromium may list a Blob whose file is gone. */
export async function isReadable(file: Blob): Promise<boolean> {
  if (file.size === 0) return false;
  return file
    .slice(0, 1)
    .arrayBuffer()
    .then(
      () => true,
      () => false,
    );
}
