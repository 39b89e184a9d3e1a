import { gzipSync } from 'node:zlib';
import { expect } from '@playwright/test';
import { Product, test } from './product-test.ts';

test('without a graphics device the processor computes, and the page says why', async ({ page, product }) => {
  expect(product.url).toContain('127.0.0.1');
  await expect(page.locator('#backend')).toContainText('Computed by the processor (WebAssembly)');
  await expect(page.locator('#backend')).toContainText(/WebGPU/);
  expect(await page.evaluate(() => crossOriginIsolated)).toBe(true);
});

test('a device that was asked for and is not there is told, and trying again is offered', async ({
  page,
  productUrl,
}) => {
  await page.goto(`${productUrl}?app_id=tiny&backend=webgpu`);
  const alert = page.getByRole('alert');
  await expect(alert).toContainText('This browser cannot compute here.');
  await expect(alert.getByRole('button', { name: 'Try again' })).toBeVisible();
});

test('the engine’s files come with the page, so that it goes on when the connection ends', async ({
  page,
  productUrl,
}) => {
  const engine = page.waitForRequest(/ort-wasm.*\.wasm$/);
  await page.goto(`${productUrl}?app_id=tiny`);
  await (await engine).response();
});

test('the second visit asks for no weights', async ({ page, product }) => {
  const requested: string[] = [];
  page.on('request', (request) => requested.push(new URL(request.url()).pathname));
  await product.open();
  await product.chooseSample();
  expect(requested.filter((path) => path.includes('/models/'))).toEqual(['/models/tiny/bundle.json']);
});

test('a model whose bytes are not what the manifest says is refused', async ({ page, productUrl }) => {
  await page.goto(`${productUrl}?app_id=damaged`);
  await expect(page.getByRole('alert')).toContainText('A part of the model arrived damaged (weights/denoiser.bin)', {
    timeout: 20_000, // asked for three times before it is taken for damaged
  });
  await expect(page.getByRole('button', { name: /^Generate/ })).toBeDisabled();
});

test.describe('a model that is not there', () => {
  test.use({ expectedErrors: [/404/] });
  test('is told', async ({ page, productUrl }) => {
    await page.goto(`${productUrl}?app_id=nowhere`);
    await expect(page.getByRole('alert')).toContainText('The model could not be loaded.');
  });
});

test('without IndexedDB everything works, and the page says that the model is not kept', async ({
  page,
  productUrl,
}) => {
  // Init scripts do not run in workers, so the worker's own script gets one more line at its head.
  await page.route('**/generation.worker-*.js', async (route) => {
    const response = await route.fetch();
    const forbid =
      "Object.defineProperty(self, 'indexedDB', { get() { throw new DOMException('no', 'SecurityError'); } });";
    await route.fulfill({ response, body: forbid + (await response.text()) });
  });
  const product = new Product(page, productUrl);
  await product.open();
  await expect(page.getByText('This browser does not let the page keep the model.')).toBeVisible();
  await product.chooseSample();
  await product.prompt.fill('red hat');
  await product.setPictures(1);
  await product.generateButton.click();
  await product.finish();
  await expect(product.cards).toHaveCount(1);
});

test('a worker that the browser ends is replaced, and its task goes on', async ({ page, product }) => {
  await product.chooseSample();
  await product.prompt.fill('red hat');
  await product.setPictures(8);
  await product.showMore();
  await page.getByLabel('Steps').fill('50');
  await product.generateButton.click();
  await expect(product.cards).not.toHaveCount(0, { timeout: 30_000 });
  const [first] = page.workers();
  await first!.evaluate(() => self.close());
  await product.finish();
  await expect(page.locator('[data-status=done]')).toHaveCount(1);
  expect(new Set(await product.hashes()).size).toBe(8);
  expect(page.workers()).not.toContain(first);
});

test('the page’s own code is small', async ({ page, productUrl }) => {
  const scripts: string[] = [];
  const styles: string[] = [];
  await page.goto(productUrl);
  for (const element of await page.locator('script[src], link[rel=modulepreload], link[rel=stylesheet]').all()) {
    const address = (await element.getAttribute('src')) ?? (await element.getAttribute('href'))!;
    (address.endsWith('.css') ? styles : scripts).push(await (await page.request.get(productUrl + address)).text());
  }
  const gzipped = (texts: readonly string[]) => texts.reduce((sum, text) => sum + gzipSync(text).length, 0);
  expect(scripts.length).toBeGreaterThan(0);
  expect(gzipped(scripts)).toBeLessThan(80_000);
  expect(gzipped(styles)).toBeLessThan(8_192);
});
