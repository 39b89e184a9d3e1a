import { expect, type Page } from '@playwright/test';
import { test } from './product-test.ts';
import { emptyPng, facePng, twoFacesPng } from './test-pictures.ts';

/** A DataTransfer with one file, in the page. */
const transferOf = (page: Page, bytes: Buffer) =>
  page.evaluateHandle((base64) => {
    const data = new DataTransfer();
    const buffer = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
    data.items.add(new File([buffer], 'face.png', { type: 'image/png' }));
    return data;
  }, bytes.toString('base64'));

test('a file of one’s own', async ({ page, product }) => {
  await product.chooseFile('me.png', 'image/png', facePng());
  await expect(page.getByText('Face found.')).toBeVisible();
});

test('a picture dropped on the page', async ({ page, product }) => {
  await expect(product.prompt).toBeVisible();
  const dataTransfer = await transferOf(page, facePng());
  await page.dispatchEvent('body', 'dragover', { dataTransfer });
  await expect(page.getByText('Let go to use this picture')).toBeVisible();
  await page.dispatchEvent('body', 'drop', { dataTransfer });
  await expect(page.getByText('Let go to use this picture')).toBeHidden();
  await expect(page.getByText('Face found.')).toBeVisible();
});

test('a picture pasted anywhere', async ({ page, product }) => {
  await product.prompt.focus();
  const clipboardData = await transferOf(page, facePng());
  await clipboardData.evaluate((data) =>
    document.activeElement?.dispatchEvent(
      new ClipboardEvent('paste', { clipboardData: data, bubbles: true, cancelable: true }),
    ),
  );
  await expect(page.getByText('Face found.')).toBeVisible();
});

test('a picture from an address', async ({ page, product }) => {
  await page.getByText('Use a picture from the web').click();
  await page.getByLabel('Picture’s address').fill(`${product.url}samples/test-face.png`);
  await page.getByRole('button', { name: 'Fetch' }).click();
  await expect(page.getByText('Face found.')).toBeVisible();
});

test('no face: told in the API’s words; the face is placed by hand', async ({ page, product }) => {
  await product.chooseFile('wall.png', 'image/png', await emptyPng(256));
  await expect(page.getByRole('alert')).toContainText('Unable to detect faces. Please provide a clear image.');
  await product.prompt.fill('red hat');
  await product.setPictures(1);
  await product.generateButton.click();
  await expect(product.series).toHaveCount(0);

  await page.getByRole('button', { name: 'Place the face yourself' }).click();
  const box = page.getByRole('button', { name: 'Whole face' });
  const before = (await box.boundingBox())!;
  await box.press('ArrowRight');
  expect((await box.boundingBox())!.x).toBeGreaterThan(before.x);
  const nose = page.getByRole('button', { name: 'Nose' });
  const start = (await nose.boundingBox())!;
  const [x, y] = [start.x + start.width / 2, start.y + start.height / 2];
  await page.mouse.move(x, y);
  await page.mouse.down();
  await page.mouse.move(x + 15, y + 10, { steps: 3 });
  await page.mouse.up();
  const end = (await nose.boundingBox())!;
  expect(end.x - start.x).toBeCloseTo(15, 0);
  expect(end.y - start.y).toBeCloseTo(10, 0);
  await page.getByRole('button', { name: 'Done' }).click();
  await expect(page.getByText('You placed the face.')).toBeVisible();
  await product.generateButton.click();
  await product.finish();
  await expect(product.cards).toHaveCount(1);
});

test('several faces: one is chosen, and the choice changes the picture', async ({ page, product }) => {
  await product.chooseFile('two.png', 'image/png', await twoFacesPng());
  await expect(page.getByText('2 faces found. Choose one.')).toBeVisible();
  await product.prompt.fill('red hat');
  await product.setPictures(1);
  await page.getByLabel('Seed').fill('1');
  await product.generateButton.click();
  await product.finish();
  const second = page.getByRole('button', { name: 'Face 2' });
  await second.click();
  await expect(second).toHaveAttribute('aria-pressed', 'true');
  await product.generateButton.click();
  await product.finish();
  const [b, a] = await product.hashes();
  expect(a).not.toBe(b);
});
