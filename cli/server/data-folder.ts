/** Files that are whole or absent, in a folder that one server owns. */
import { mkdir, open, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { UsageError } from '../usage-error.ts';

/** Writes beside the file, on disk before it takes the file's place; only the user may read it. */
export async function writeWhole(path: string, data: string | Uint8Array): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const draft = `${path}.part`;
  await writeFile(draft, data, { mode: 0o600, flush: true });
  await rename(draft, path);
}

/**
 * Takes the folder for this process until the returned function is called. A lock whose process is gone is taken over.
 * Throws UsageError when another server uses the folder.
 */
export async function lockFolder(folder: string): Promise<() => Promise<void>> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const path = join(folder, 'lock');
  for (let attempt = 0; attempt < 2; attempt++) {
    try {
      const file = await open(path, 'wx', 0o600);
      await file.writeFile(String(process.pid));
      await file.close();
      return () => rm(path, { force: true });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      const owner = Number(await readFile(path, 'utf8').catch(() => '0'));
      if (isAlive(owner)) throw new UsageError(`${folder} is used by another server (process ${owner}).`);
      await rm(path, { force: true });
    }
  }
  throw new UsageError(`${folder} is being taken by another server.`);
}

/** A process of another user cannot be signalled, but is there. Our own number is left over from a life before. */
function isAlive(pid: number): boolean {
  if (!Number.isInteger(pid) || pid <= 0 || pid === process.pid) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
