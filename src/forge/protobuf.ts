/**
 * Reading of protobuf's wire format (https://protobuf.dev/programming-guides/encoding): a message is a row of fields,
 * each a tag (field number << 3 | wire type) and its content. Everything here throws RangeError for bytes that are none.
 */
import type { RandomAccess } from './random-access.ts';

export interface ProtobufField {
  readonly field: number;
  /** Varints as numbers (negative ones and those beyond 2⁵³ lose their meaning), the rest as bytes. */
  readonly value: number | Uint8Array;
}

const WINDOW = 64 * 1024;

/** Walks over a message in a file without reading what it skips. */
export class ProtobufCursor {
  readonly #source: RandomAccess;
  readonly #end: number;
  #position: number;
  #window: Uint8Array = new Uint8Array(0);
  #windowStart = 0;

  constructor(source: RandomAccess, start: number, end: number) {
    this.#source = source;
    this.#position = start;
    this.#end = end;
  }

  get position(): number {
    return this.#position;
  }

  get atEnd(): boolean {
    return this.#position >= this.#end;
  }

  async tag(): Promise<{ field: number; wire: number }> {
    const tag = await this.varint();
    const field = Math.floor(tag / 8);
    if (field === 0) throw new RangeError('a field has the number 0');
    return { field, wire: tag % 8 };
  }

  async varint(): Promise<number> {
    let value = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      const byte = await this.#byte();
      value += (byte & 127) * 2 ** shift;
      if (byte < 128) return value;
    }
    throw new RangeError('a number has too many bytes');
  }

  /** Length of the content that follows; it lies inside the message. */
  async length(): Promise<number> {
    const length = await this.varint();
    if (length > this.#end - this.#position) throw new RangeError('it is cut off, or no such file');
    return length;
  }

  /** The next bytes; more than `limit` are refused. */
  async bytes(length: number, limit: number): Promise<Uint8Array> {
    if (length > limit) throw new RangeError(`a part of ${length} bytes is larger than any should be`);
    const bytes = await this.#source.read(this.#position, length);
    this.#position += length;
    return bytes;
  }

  skip(length: number): void {
    this.#position += length;
  }

  async skipField(wire: number): Promise<void> {
    if (wire === 0) await this.varint();
    else if (wire === 2) this.skip(await this.length());
    else if (wire === 1 || wire === 5) {
      this.skip(wire === 1 ? 8 : 4);
      if (this.#position > this.#end) throw new RangeError('it is cut off, or no such file');
    } else throw new RangeError(`there is no wire type ${wire}`);
  }

  async #byte(): Promise<number> {
    if (this.atEnd) throw new RangeError('it is cut off, or no such file');
    const inWindow = this.#position - this.#windowStart;
    if (inWindow < 0 || inWindow >= this.#window.length) {
      this.#windowStart = this.#position;
      this.#window = await this.#source.read(this.#position, Math.min(WINDOW, this.#end - this.#position));
    }
    return this.#window[this.#position++ - this.#windowStart]!;
  }
}

/** All fields of a message in memory. */
export function readFields(bytes: Uint8Array): ProtobufField[] {
  const fields: ProtobufField[] = [];
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      const byte = bytes[at++];
      if (byte === undefined) throw new RangeError('it is cut off');
      value += (byte & 127) * 2 ** shift;
      if (byte < 128) return value;
    }
    throw new RangeError('a number has too many bytes');
  };
  while (at < bytes.length) {
    const tag = varint();
    const field = Math.floor(tag / 8);
    const wire = tag % 8;
    if (wire === 0) fields.push({ field, value: varint() });
    else {
      const length = wire === 2 ? varint() : wire === 1 ? 8 : wire === 5 ? 4 : NaN;
      if (!(length <= bytes.length - at)) throw new RangeError('it is cut off, or no such file');
      fields.push({ field, value: bytes.subarray(at, at + length) });
      at += length;
    }
  }
  return fields;
}
