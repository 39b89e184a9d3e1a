/** Element types of stored tensors, by their safetensors names, and how their bytes become f32. */
import { decodeBrainFloat, decodeHalf } from './half.ts';

/** A map, not an object: the name comes out of a file, and "constructor" is no type. */
const BITS: ReadonlyMap<string, number> = new Map([
  ...['F64', 'I64', 'U64', 'C64'].map((type) => [type, 64] as const),
  ...['F32', 'I32', 'U32'].map((type) => [type, 32] as const),
  ...['F16', 'BF16', 'I16', 'U16'].map((type) => [type, 16] as const),
  ...['F8_E5M2', 'F8_E4M3', 'F8_E8M0', 'F8_E4M3FNUZ', 'F8_E5M2FNUZ'].map((type) => [type, 8] as const),
  ...['I8', 'U8', 'BOOL'].map((type) => [type, 8] as const),
  ...['F6_E2M3', 'F6_E3M2'].map((type) => [type, 6] as const),
  ['F4', 4],
  ['C128', 128],
]);

/** Bytes of `count` elements: a fraction where packed elements leave a byte half full; undefined for an unknown type. */
export function elementBytes(type: string, count: number): number | undefined {
  const bits = BITS.get(type);
  return bits === undefined ? undefined : (bits * count) / 8;
}

/** Whether `decodeElements` can read it. */
export function isReadable(type: string): boolean {
  return type === 'F32' || type === 'F16' || type === 'BF16';
}

/** Little-endian bytes of a readable type as f32; f32 itself is not copied where its place in memory allows. */
export function decodeElements(bytes: Uint8Array, type: string): Float32Array {
  const words = elementWords(bytes, type);
  if (words instanceof Uint32Array) return new Float32Array(words.buffer, words.byteOffset, words.length);
  return type === 'F16' ? decodeHalf(words) : decodeBrainFloat(words);
}

export type ElementWords = Uint16Array | Uint32Array;

/** Each element of a readable type as one word; no copy where the place in memory allows. */
export function elementWords(bytes: Uint8Array, type: string): ElementWords {
  const { buffer, byteOffset } = bytes.byteOffset % 4 === 0 ? bytes : new Uint8Array(bytes);
  return type === 'F32'
    ? new Uint32Array(buffer, byteOffset, bytes.length / 4)
    : new Uint16Array(buffer, byteOffset, bytes.length / 2);
}
