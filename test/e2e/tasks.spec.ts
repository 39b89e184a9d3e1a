import { expect } from '@playwright/test';
import { Product, test } from './product-test.ts';
import { disturb, finishQueue, QUEUE_LENGTH, queueTwenty, readStores } from './run-disturbed-queue.ts';

const WISH = { pictures: 2, steps: 8 };

test('twenty series, disturbed ten times by reloads and ended workers, are each drawn once, as if nothing had been', async ({
  browser,
  product,
}) => {
  test.setTimeout(240_000);
  await queueTwenty(product, WISH);
  const report = await disturb(
    { product, reopen: () => Promise.reject(new Error('no tab crashes here')) },
    10,
    ['reload', 'worker ended'],
    1,
  );
  const disturbed = await finishQueue(product);
  expect(report).toHaveLength(10);
  // The disturbances fell into the middle of the queue.
  expect(report.at(-1)!.finishedBefore).toBeLessThan(QUEUE_LENGTH);
  expect(disturbed.statuses).toEqual(Array.from({ length: QUEUE_LENGTH }, () => 'done'));

  const context = await browser.newContext({ serviceWorkers: 'block' });
  const quiet = new Product(await context.newPage(), product.url);
  await quiet.open();
  await queueTwenty(quiet, WISH);
  const undisturbed = await finishQueue(quiet);
  await context.close();
  expect(Object.keys(undisturbed.pictures)).toHaveLength(WISH.pictures * QUEUE_LENGTH);
  expect(disturbed.pictures).toEqual(undisturbed.pictures);
});

test('what is finished is there at the next visit, without the photo, until it is removed', async ({
  page,
  product,
}) => {
  await product.chooseSample();
  await product.prompt.fill('red hat\nblue jacket');
  await product.setPictures(2);
  await product.generateButton.click();
  await product.finish();
  await expect(page.getByText('Your photo is kept only until its series are finished')).toBeVisible();
  const hashes = await product.hashes();
  await page.reload();
  await expect(product.cards).toHaveCount(4);
  expect(await product.hashes()).toEqual(hashes);
  const kept = await readStores(page);
  expect(kept).toMatchObject({ pending: 0, statuses: ['done', 'done'] });

  await page.getByRole('button', { name: 'Clear all' }).click();
  await expect(product.cards).toHaveCount(0);
  await expect.poll(async () => readStores(page)).toMatchObject({ pictures: {}, statuses: [] });
  await page.reload();
  await expect(product.generateButton).toBeEnabled();
  await expect(product.cards).toHaveCount(0);
});

test('a waiting series can be drawn next; another tab sees the line, and goes on when this one closes', async ({
  page,
  context,
  product,
}) => {
  const second = new Product(await context.newPage(), product.url);
  await second.page.goto(`${product.url}?app_id=tiny`);
  await expect(second.page.getByText('Another tab draws at the moment.')).toBeVisible();

  await product.chooseSample();
  await product.prompt.fill('red hat\nblue jacket\ngreen scarf');
  await product.setPictures(8);
  await product.showMore();
  await page.getByLabel('Steps').fill('50');
  await product.generateButton.click();
  // The list grows and scrolls while it is drawn, and a tab in the background scrolls slowly.
  await page.getByRole('article', { name: 'green scarf' }).getByText('Draw next').dispatchEvent('click');
  const theirs = (name: string) => second.page.getByRole('article', { name });
  await expect(theirs('green scarf')).toContainText(/Waiting, next in line · .* left/);
  await expect(second.page.locator('[data-status=running]')).toHaveCount(1);
  await theirs('blue jacket').getByRole('button', { name: 'Cancel' }).dispatchEvent('click');
  await expect(page.getByRole('article', { name: 'blue jacket' })).toHaveAttribute('data-status', 'cancelled');
  await page.close();
  await expect(second.page.locator('[data-status=done]')).toHaveCount(2, { timeout: 60_000 });
  await expect(second.cards).toHaveCount(16);
});
