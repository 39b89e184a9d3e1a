/** Bytes that can be read in any order: a file on disk, a picked File, a server that answers HTTP Range. */
export interface RandomAccess {
  /** Name for messages. */
  readonly name: string;
  readonly size: number;
  /**
   * Exactly `length` bytes from `offset`, in memory of the caller's own. Throws RangeError when the range does not lie
   * inside the size, and whatever the place of the bytes throws; nothing is tried twice.
   */
  read(offset: number, length: number): Promise<Uint8Array>;
}

/** Bytes at hand as a source. */
export function bytesAccess(name: string, bytes: Uint8Array): RandomAccess {
  return {
    name,
    size: bytes.length,
    // eslint-disable-next-line @typescript-eslint/require-await -- a wrong range rejects, it does not throw
    read: async (offset, length) => {
      requireInside(name, bytes.length, offset, length);
      return new Uint8Array(bytes.subarray(offset, offset + length));
    },
  };
}

/** A picked File or any Blob as a source; only what is asked for is read into memory. */
export function blobAccess(blob: Blob, name = 'name' in blob ? String(blob.name) : 'the chosen file'): RandomAccess {
  return {
    name,
    size: blob.size,
    read: async (offset, length) => {
      requireInside(name, blob.size, offset, length);
      return new Uint8Array(await blob.slice(offset, offset + length).arrayBuffer());
    },
  };
}

/** The whole source. */
export async function readAll(source: RandomAccess): Promise<Uint8Array> {
  return source.read(0, source.size);
}

/** Throws RangeError unless the range lies inside the size. */
export function requireInside(name: string, size: number, offset: number, length: number): void {
  const fits = Number.isSafeInteger(offset) && Number.isSafeInteger(length) && offset >= 0 && length >= 0;
  if (!fits || offset + length > size) {
    throw new RangeError(`${name}: ${length} bytes from ${offset} do not lie inside its ${size} bytes.`);
  }
}
