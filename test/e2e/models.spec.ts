import { join } from 'node:path';
import { expect } from '@playwright/test';
import type { Locator, Page } from '@playwright/test';
import { Product, test } from './product-test.ts';
import { OTHER_MODEL, SERVED_MODELS } from './serve-product.ts';

/** Installs of some dozen chunks, each its own request, on a machine that does other things too. */
const SLOW = { timeout: 30_000 };

async function openModels(page: Page): Promise<void> {
  await page.locator('#models summary').first().click();
}

const entry = (page: Page, title = OTHER_MODEL): Locator => page.getByRole('article', { name: title, exact: true });
const button = (page: Page, name: string, title?: string): Locator =>
  entry(page, title).getByRole('button', { name, exact: true });

test('a model is installed, used in place of the present one without a reload, and removed', async ({
  page,
  product,
}) => {
  await product.chooseSample();
  await openModels(page);
  await expect(entry(page)).toContainText('Not installed');
  await expect(entry(page)).toContainText('Apache-2.0, commercial use allowed');
  await expect(entry(page, 'Tiny test bundle')).toContainText('In use', SLOW);
  await button(page, 'Install').click();
  await expect(entry(page)).toContainText('Installed', SLOW);

  await page.evaluate(() => Object.assign(window, { stillTheSame: true }));
  await button(page, 'Use').click();
  await expect(entry(page)).toContainText('In use', SLOW);
  await expect(page.getByText('Face found.')).toBeVisible();
  await product.prompt.fill('red hat');
  await product.setPictures(1);
  await product.generateButton.click();
  await product.finish();
  await expect(product.cards).toHaveCount(1);
  expect(await page.evaluate(() => 'stillTheSame' in window)).toBe(true);
  expect(page.url()).toContain('app_id=other');

  await button(page, 'Use', 'Tiny test bundle').click();
  await expect(entry(page, 'Tiny test bundle')).toContainText('In use', SLOW);
  await button(page, 'Remove').click();
  await expect(entry(page)).toContainText('Not installed');
});

test('a download is paused, goes on after a reload, and fetches only the rest', async ({ page, context, product }) => {
  const asked: string[] = [];
  let open: () => void = () => undefined;
  const gate = new Promise<void>((resolve) => (open = resolve));
  await context.route('**/models/other/weights/**', async (route) => {
    asked.push(`${route.request().url()} ${route.request().headers()['range'] ?? ''}`);
    if (asked.length > 6) await gate;
    await route.continue().catch(() => undefined); // stopped meanwhile
  });
  await openModels(page);
  await button(page, 'Install').click();
  await expect(entry(page).getByRole('progressbar')).toBeVisible();
  await expect.poll(() => asked.length).toBeGreaterThan(6);
  await button(page, 'Pause').click();
  await expect(entry(page)).toContainText('Partly loaded', SLOW);
  const before = [...asked];
  open();

  await product.open();
  await openModels(page);
  await button(page, 'Go on loading').click();
  await expect(entry(page)).toContainText('Installed', SLOW);
  const again = asked.slice(before.length).filter((request) => before.includes(request));
  expect(again.length).toBeLessThanOrEqual(4); // what was under way on the four connections
});

test('a damaged record is found and repaired', async ({ page, product }) => {
  await openModels(page);
  await button(page, 'Install').click();
  await expect(entry(page)).toContainText('Installed', SLOW);
  await page.evaluate(async () => {
    const request = indexedDB.open('likeness-model-chunks');
    await new Promise((resolve) => (request.onsuccess = resolve));
    const store = request.result.transaction('entries', 'readwrite').objectStore('entries');
    const keys = store.getAllKeys();
    await new Promise((resolve) => (keys.onsuccess = resolve));
    const put = store.put(new Blob(['damaged']), keys.result[0]);
    await new Promise((resolve) => (put.onsuccess = resolve));
    request.result.close();
  });
  let repaired = 0;
  for (const title of [OTHER_MODEL, 'Tiny test bundle']) {
    await button(page, 'Verify and repair', title).click();
    await expect(entry(page, title)).toContainText(/parts are right|are right again/);
    if ((await entry(page, title).textContent())!.includes('1 of')) repaired += 1;
  }
  expect(repaired).toBeGreaterThan(0);
  await product.chooseSample();
});

test('a model is exported and imported where it is not', async ({ page, product, browser }) => {
  await openModels(page);
  await button(page, 'Export as zip', 'Tiny test bundle').click();
  const downloading = page.waitForEvent('download');
  await page.getByRole('link', { name: 'Save tiny.zip' }).click();
  const download = await downloading;
  expect(download.suggestedFilename()).toBe('tiny.zip');

  const elsewhere = await browser.newContext();
  const second = await elsewhere.newPage();
  // There, the site itself does not have the model.
  await elsewhere.route('**/models/tiny/**', (route) => route.fulfill({ status: 404 }));
  await second.goto(`${product.url}?app_id=other`);
  await openModels(second);
  await second.getByText('Add a model').click();
  const file = test.info().outputPath('tiny.zip');
  await download.saveAs(file);
  await second.getByLabel('From a zip file').setInputFiles(file);
  await expect(entry(second, 'Tiny test bundle')).toContainText('Installed', SLOW);
  await button(second, 'Use', 'Tiny test bundle').click();
  await expect(entry(second, 'Tiny test bundle')).toContainText('In use', SLOW);
  await elsewhere.close();
});

test('a folder of files is imported', async ({ page, product, browser }) => {
  const elsewhere = await browser.newContext();
  const second = await elsewhere.newPage();
  await elsewhere.route('**/models/other/**', (route) => route.fulfill({ status: 404 }));
  await second.goto(product.url + '?app_id=tiny');
  await openModels(second);
  await second.getByText('Add a model').click();
  await second.getByLabel('From a folder').setInputFiles(join(SERVED_MODELS, 'other'));
  await expect(entry(second)).toContainText('Installed', SLOW);
  await elsewhere.close();
  await expect(page.getByRole('heading', { name: 'Likeness' })).toBeVisible();
});

test.describe('by address', () => {
  test.use({ expectedErrors: [/404/] });
  test('nothing there is told, a model there is installed', async ({ page, product }) => {
    await openModels(page);
    await page.getByText('Add a model').click();
    const address = page.getByLabel('Address of its folder');
    await address.fill(`${product.url}samples/`);
    await page.getByRole('button', { name: 'Load', exact: true }).click();
    await expect(page.locator('#models').getByRole('alert')).toContainText('The model could not be loaded.');
    await address.fill(`${product.url}models/other/bundle.json`);
    await page.getByRole('button', { name: 'Load', exact: true }).click();
    await expect(entry(page)).toContainText('Installed', SLOW);
    await expect(page.locator('#models').getByRole('alert')).toBeHidden();
  });
});

test('a full disk share: it works from memory, says so, and leads to the models', async ({ page, productUrl }) => {
  await page.route('**/generation.worker-*.js', async (route) => {
    const response = await route.fetch();
    const fill = "IDBObjectStore.prototype.put = () => { throw new DOMException('full', 'QuotaExceededError'); };";
    await route.fulfill({ response, body: fill + (await response.text()) });
  });
  const product = new Product(page, productUrl);
  await product.open();
  await expect(page.getByText('There is no room left to keep the model.')).toBeVisible();
  await product.chooseSample();
  await page.getByRole('link', { name: 'Manage storage' }).click();
  await expect(entry(page, 'Tiny test bundle')).toContainText('Not installed');
});
