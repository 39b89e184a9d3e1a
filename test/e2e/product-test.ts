import { expect, test as base, type Locator, type Page } from '@playwright/test';
import { serveProduct, TINY_SAMPLE } from './serve-product.ts';

export interface ProductFixtures {
  /** Console errors that this test provokes; all others fail it. */
  readonly expectedErrors: readonly RegExp[];
  /** The page's query that picks the bundle; the tiny one unless a test wants another. */
  readonly bundle: string;
  /** The page with that bundle, opened and ready. */
  readonly product: Product;
}

/** Playwright's test with the built product, served once per test process. No console error, no CSP violation passes. */
export const test = base.extend<ProductFixtures, { productUrl: string }>({
  productUrl: [
    // Playwright wants the first argument destructured.
    // eslint-disable-next-line no-empty-pattern
    async ({}, use) => {
      const served = await serveProduct();
      await use(served.url);
      await served.close();
    },
    { scope: 'worker', timeout: 120_000 },
  ],
  expectedErrors: [[], { option: true }],
  bundle: ['?app_id=tiny', { option: true }],
  page: async ({ page, expectedErrors }, use) => {
    const errors: string[] = [];
    page.on('console', (message) => {
      if (message.type() === 'error' || /content security policy/i.test(message.text())) errors.push(message.text());
    });
    page.on('pageerror', (error) => errors.push(error.message));
    await use(page);
    expect(errors.filter((text) => !expectedErrors.some((pattern) => pattern.test(text)))).toEqual([]);
  },
  product: async ({ page, productUrl, bundle }, use) => {
    const product = new Product(page, productUrl);
    await product.open(bundle);
    await use(product);
  },
});

/** The page as a person uses it. */
export class Product {
  readonly page: Page;
  readonly url: string;
  readonly prompt: Locator;
  readonly generateButton: Locator;
  readonly series: Locator;
  readonly cards: Locator;

  constructor(page: Page, url: string) {
    this.page = page;
    this.url = url;
    this.prompt = page.getByLabel('What should the picture show?');
    this.generateButton = page.getByRole('button', { name: /^Generate/ });
    this.series = page.getByRole('article');
    this.cards = page.locator('.card img');
  }

  /** Opens the page; the tiny bundle unless told otherwise. */
  async open(query = '?app_id=tiny'): Promise<void> {
    await this.page.goto(this.url + query);
    await expect(this.generateButton).toBeEnabled({ timeout: 60_000 });
  }

  async chooseSample(title = TINY_SAMPLE): Promise<void> {
    await this.page.getByRole('button', { name: title }).click();
    await expect(this.page.getByText('Face found.')).toBeVisible({ timeout: 60_000 });
  }

  async chooseFile(name: string, mimeType: string, buffer: Buffer): Promise<void> {
    await this.page.locator('input[type=file]').first().setInputFiles({ name, mimeType, buffer });
  }

  async setPictures(count: number): Promise<void> {
    await this.page.getByRole('slider', { name: 'Pictures' }).fill(String(count));
  }

  /** Opens "More settings". */
  async showMore(): Promise<void> {
    await this.page.getByText('More settings').click();
  }

  /** Waits until nothing runs any more. */
  async finish(timeout = 60_000): Promise<void> {
    await expect(this.page.locator('[data-status=running], [data-status=queued]')).toHaveCount(0, { timeout });
  }

  /** SHA-256 of every picture on the page, in order. */
  async hashes(): Promise<readonly string[]> {
    return this.cards.evaluateAll((images) =>
      Promise.all(
        images.map(async (image) => {
          const bytes = await (await fetch((image as HTMLImageElement).src)).arrayBuffer();
          const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
          return [...digest].map((byte) => byte.toString(16).padStart(2, '0')).join('');
        }),
      ),
    );
  }
}
