/** In what form files lie in IndexedDB records. */

/** What a record that holds a file is made of. Both are read, whichever is written. */
export type RecordForm = 'blob' | 'buffer';

/**
 * Chromium keeps Blob records as files of their own and hands out references to them, so that weights can stream from
 * disk to the GPU. Safari loses Blobs in IndexedDB (dexie issues 1227 and 1638), so everywhere else records are memory.
 */
export function recordForm(): RecordForm {
  // Only Chromium's browsers have userAgentData; lib.dom does not know it.
  const agent = (navigator as { readonly userAgentData?: { readonly brands: readonly { readonly brand: string }[] } })
    .userAgentData;
  return agent?.brands.some(({ brand }) => brand === 'Chromium') === true ? 'blob' : 'buffer';
}
