import { expect } from '@playwright/test';
import { test } from './product-test.ts';
import { TINY_EXAMPLE, TINY_SAMPLE } from './serve-product.ts';

test('three clicks from the opened page to pictures', async ({ page, product }) => {
  await page.getByRole('button', { name: TINY_SAMPLE }).click();
  await page.getByRole('button', { name: TINY_EXAMPLE }).click();
  await product.generateButton.click();
  await expect(product.cards).toHaveCount(4, { timeout: 60_000 });
  await product.finish();
  for (const card of await product.cards.all()) {
    const size = await card.evaluate((image: HTMLImageElement) => [image.naturalWidth, image.naturalHeight]);
    expect(size).toEqual([128, 128]);
  }
  expect(new Set(await product.hashes()).size).toBe(4);
  await expect(page.locator('.likeness').first()).toHaveText(/Likeness -?\d\.\d\d|No face recognised/);
  await expect(page.locator('.card .label').first()).toHaveText('test picture');
});

test('a picture can be downloaded under a name that says what it is', async ({ page, product }) => {
  await product.chooseSample();
  await product.prompt.fill('red hat');
  await product.setPictures(1);
  await page.getByLabel('Seed').fill('42');
  await product.generateButton.click();
  await product.finish();
  const downloading = page.waitForEvent('download');
  await page.getByRole('link', { name: /^Download/ }).click();
  expect((await downloading).suggestedFilename()).toBe('likeness-red-hat-42.png');
});

test('the same request and seed give the same bytes, and a batch is a series of single runs', async ({
  page,
  product,
}) => {
  await product.chooseSample();
  await product.prompt.fill('red hat');
  await page.getByLabel('Seed').fill('7');
  await product.setPictures(3);
  await product.generateButton.click();
  await product.finish();
  const batch = await product.hashes();
  expect(batch).toHaveLength(3);

  await page.getByRole('button', { name: 'Clear all' }).click();
  await product.generateButton.click();
  await product.finish();
  expect(await product.hashes()).toEqual(batch);

  await page.getByRole('button', { name: 'Clear all' }).click();
  await page.getByLabel('Seed').fill('9');
  await product.setPictures(1);
  await product.generateButton.click();
  await product.finish();
  expect(await product.hashes()).toEqual([batch[2]]);
});

test('several lines make several scenes with one face', async ({ product }) => {
  await product.chooseSample();
  await product.prompt.fill('red hat\nblue jacket');
  await product.setPictures(2);
  await expect(product.generateButton).toHaveText('Generate 4 pictures');
  await product.generateButton.click();
  await product.finish();
  await expect(product.series).toHaveCount(2);
  await expect(product.cards).toHaveCount(4);
});

test('a running task shows its progress and ends when it is cancelled; the next one runs', async ({
  page,
  product,
}) => {
  await product.chooseSample();
  await product.prompt.fill('red hat');
  await product.setPictures(8);
  await product.showMore();
  await page.getByLabel('Steps').fill('50');
  await product.generateButton.click();
  await expect(page.getByRole('progressbar')).toBeVisible();
  await expect(page.getByRole('img', { name: 'Preview of the picture being drawn' })).toBeVisible();
  const [worker] = page.workers();
  await page.getByRole('button', { name: 'Cancel', exact: true }).click();
  await expect(page.getByText('Cancelled.')).toBeVisible();
  // It stopped between two steps: nothing had to be ended by force.
  expect(page.workers()[0]).toBe(worker);

  await page.getByLabel('Steps').fill('1');
  await product.setPictures(1);
  await product.generateButton.click();
  await product.finish();
  await expect(page.locator('[data-status=done]')).toHaveCount(1);
});

test('keys: Ctrl+Enter generates, Escape cancels', async ({ page, product }) => {
  await product.chooseSample();
  await product.prompt.fill('red hat');
  await product.setPictures(8);
  await product.showMore();
  await page.getByLabel('Steps').fill('50');
  await product.prompt.press('Control+Enter');
  await expect(page.locator('[data-status=running]')).toHaveCount(1);
  await page.keyboard.press('Escape');
  await expect(page.locator('[data-status=cancelled]')).toHaveCount(1);
});

test('every parameter reaches the request, and what is changed is told', async ({ page, product }) => {
  await product.chooseSample();
  await product.prompt.fill('red hat, astronaut');
  await expect(page.getByText('The model does not know “astronaut”.')).toBeVisible();
  await product.setPictures(1);
  await page.getByLabel('What to avoid').fill('glasses');
  await page.getByLabel('Width').fill('300');
  await page.getByLabel('Height').fill('256');
  await product.showMore();
  await page.getByLabel('Closeness to the picture').fill('0.4');
  await page.getByLabel('Face strength').fill('0.8');
  await page.getByLabel('Scheduler').selectOption('euler');
  await page.getByLabel('File format').selectOption('webp');
  await page.getByLabel('Keep the background').check();
  await page.getByLabel('Compute budget').selectOption('a10g');
  await product.generateButton.click();
  await product.finish();
  const card = product.cards.first();
  await expect(card).toBeVisible();
  expect(await card.evaluate((image: HTMLImageElement) => [image.naturalWidth, image.naturalHeight])).toEqual([
    300, 256,
  ]);
  const type = await card.evaluate(async (image: HTMLImageElement) =>
    (await fetch(image.src)).headers.get('content-type'),
  );
  expect(type).toBe('image/webp');
  await expect(page.locator('ul.remarks')).toContainText('Guidance was raised to 1.5');
  await expect(page.locator('#backend')).toContainText('1 thread');
});
