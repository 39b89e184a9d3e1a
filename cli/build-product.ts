import { build } from 'vite';

/** Builds the product into `dist/`, quietly. Rejects with Vite's own message. */
export async function buildProduct(): Promise<void> {
  await build({ logLevel: 'error' });
}
