import { build } from 'vite';

/** Builds the product into `dist/`, quietly. Rejects with Vite's own message. */
export async function buildProduct(): Promise<void> {
  // Vite leaves a value that is there (test runners set one) as it is, and then builds no product.
  process.env.NODE_ENV = 'production';
  await build({ logLevel: 'error' });
}
