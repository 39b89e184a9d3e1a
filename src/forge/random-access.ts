/** Bytes that can be read in any order: a file on disk, a picked File, a server that answers HTTP Range. */
export interface RandomAccess {
  /** Name for messages. */
  readonly name: string;
  readonly size: number;
  /** Exactly `length` bytes from `offset`; the range lies inside the size. */
  read(offset: number, length: number): Promise<Uint8Array>;
}

/** Bytes at hand as a source. */
export function bytesAccess(name: string, bytes: Uint8Array): RandomAccess {
  return {
    name,
    size: bytes.length,
    read: (offset, length) => Promise.resolve(new Uint8Array(bytes.subarray(offset, offset + length))),
  };
}

/** The whole source. */
export async function readAll(source: RandomAccess): Promise<Uint8Array> {
  return source.read(0, source.size);
}
