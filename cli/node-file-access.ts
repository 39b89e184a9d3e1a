/** Files on disk as the forge's sources. */
import { open, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { CheckpointFolder } from '../src/forge/checkpoint-folder.ts';
import { requireInside, type RandomAccess } from '../src/forge/random-access.ts';

export interface NodeFile extends RandomAccess {
  close(): Promise<void>;
}

/** undefined when there is no such file; other failures of the file system are thrown as they are. */
export async function openNodeFile(path: string): Promise<NodeFile | undefined> {
  const info = await stat(path).catch(() => undefined);
  if (info?.isFile() !== true) return undefined;
  const handle = await open(path);
  return {
    name: path,
    size: info.size,
    read: async (offset, length) => {
      requireInside(path, info.size, offset, length);
      const bytes = new Uint8Array(length);
      // One call may give fewer bytes than asked for: at most 2 GiB on Linux.
      for (let filled = 0; filled < length;) {
        const { bytesRead } = await handle.read(bytes, filled, length - filled, offset + filled);
        if (bytesRead === 0) throw new Error(`${path} became shorter while it was read.`);
        filled += bytesRead;
      }
      return bytes;
    },
    close: () => handle.close(),
  };
}

/** A folder whose files stay open until `close`. */
export function openNodeFolder(base: string): CheckpointFolder & { close(): Promise<void> } {
  const files: NodeFile[] = [];
  return {
    name: base,
    open: async (path) => {
      const file = await openNodeFile(join(base, path));
      if (file !== undefined) files.push(file);
      return file;
    },
    close: async () => {
      await Promise.all(files.splice(0).map((file) => file.close()));
    },
  };
}
