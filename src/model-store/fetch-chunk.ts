/** One chunk of one file by HTTP Range. */
import { chunkLength, sha256Hex, type BundleFile } from '../bundle/integrity.ts';
import { AppError } from '../domain/errors.ts';
import type { Network } from './network.ts';
import { failed, request, type OpenAnswer } from './request.ts';

export interface WantedChunk {
  readonly file: BundleFile;
  readonly index: number;
}

export type ChunkAnswer =
  | { readonly kind: 'chunk'; readonly bytes: Uint8Array<ArrayBuffer> }
  /** The server ignored the range and sends the whole file. */
  | { readonly kind: 'whole-file'; readonly answer: OpenAnswer };

/**
 * Only bytes whose SHA-256 is right come back. Throws AppError `integrity` (wrong bytes; details.file),
 * `download-failed` (see `request`; also an answer to another question than was asked), `cancelled`.
 */
export async function fetchChunk(
  base: string,
  { file, index }: WantedChunk,
  network: Network,
  signal: AbortSignal,
): Promise<ChunkAnswer> {
  const url = new URL(file.path, base).href;
  const from = index * file.chunkBytes;
  const length = chunkLength(file, index);
  const answer = await request(url, { network, signal, cache: 'no-store', range: { from, to: from + length } });
  const { response } = answer;
  const isWhole = response.status !== 206;
  try {
    checkHeaders(url, file, response, isWhole, { from, length });
  } catch (error) {
    await response.body?.cancel().catch(() => undefined);
    throw error;
  }
  if (isWhole && length < file.bytes) return { kind: 'whole-file', answer };

  const bytes = await readExactly(answer, length, url);
  if ((await sha256Hex(bytes)) !== file.chunks[index]) throw damaged(file, url, `(chunk ${index})`);
  return { kind: 'chunk', bytes };
}

/** What is wrong before a byte of the body was read. Headers that another origin hides are not held against it. */
function checkHeaders(
  url: string,
  file: BundleFile,
  { headers, status }: Response,
  isWhole: boolean,
  range: { readonly from: number; readonly length: number },
): void {
  const encoding = headers.get('content-encoding');
  const isEncoded = encoding !== null && encoding !== 'identity';
  // The browser has decoded it, so a text file that was asked for whole is still right; a range would be one of the code.
  if (isEncoded && !(isWhole && file.path.endsWith('.json'))) {
    throw failed(url, `comes compressed (${encoding}); model files have to be served as they are.`, {
      status,
      reason: 'encoded',
    });
  }
  const contentRange = headers.get('content-range');
  if (!isWhole && contentRange !== null) {
    const expected = `bytes ${range.from}-${range.from + range.length - 1}/`;
    const isRight =
      contentRange.startsWith(expected) && ['*', String(file.bytes)].includes(contentRange.slice(expected.length));
    if (!isRight) {
      throw failed(
        url,
        `answered with another range (${contentRange}) than was asked for (${expected}${file.bytes}).`,
        { status, reason: 'range' },
        { retryable: true },
      );
    }
  }
  const announced = headers.get('content-length');
  const expected = isWhole ? file.bytes : range.length;
  if (announced !== null && !isEncoded && Number(announced) !== expected) {
    throw failed(
      url,
      `has ${announced} bytes instead of ${expected}.`,
      { status, reason: 'length' },
      { retryable: true },
    );
  }
}

async function readExactly(answer: OpenAnswer, length: number, url: string): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = new Uint8Array(length);
  let filled = 0;
  for await (const piece of answer.pieces()) {
    if (filled + piece.length > length) {
      throw failed(url, `is longer than the ${length} bytes expected.`, { reason: 'length' }, { retryable: true });
    }
    bytes.set(piece, filled);
    filled += piece.length;
  }
  if (filled < length) {
    throw failed(url, `ended after ${filled} of ${length} bytes.`, { reason: 'length' }, { retryable: true });
  }
  return bytes;
}

export function damaged(file: BundleFile, url: string, what: string): AppError {
  return new AppError('integrity', `${url} is not the file expected ${what}; try again, or rebuild the bundle.`, {
    retryable: true,
    details: { file: file.path },
  });
}
