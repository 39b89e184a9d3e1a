import { expect } from '@playwright/test';
import { test } from './product-test.ts';

test.use({ bundle: '' });

test('the starter: three clicks to four drawn portraits of one face', async ({ page, product }) => {
  await product.chooseSample('Hair in a bun');
  const examples = page.getByRole('group', { name: 'Ideas' }).getByRole('button');
  await examples.first().click();
  await product.generateButton.click();
  await product.finish(110_000);
  await expect(product.cards).toHaveCount(4);
  for (const card of await product.cards.all()) {
    const size = await card.evaluate((image: HTMLImageElement) => [image.naturalWidth, image.naturalHeight]);
    expect(size).toEqual([256, 256]);
  }
  expect(new Set(await product.hashes()).size).toBe(4);
  await expect(page.getByText('drawn portrait', { exact: true })).toHaveCount(4);
});

test('the starter knows every word of the ideas that it offers', async ({ page, product }) => {
  const examples = page.getByRole('group', { name: 'Ideas' }).getByRole('button');
  const ideas = await examples.allTextContents();
  expect(ideas.length).toBeGreaterThan(2);
  await product.prompt.fill(`${ideas.join(' ')} astronaut`);
  await expect(page.getByText('The model does not know “astronaut”.')).toBeVisible();
});

test('the starter finds the face in every sample', async ({ page, product }) => {
  await expect(product.prompt).toBeVisible();
  const samples = page.getByRole('group', { name: 'Try a drawn face' }).getByRole('button');
  await expect(samples).toHaveCount(9); // eight of the product's and the test's own
  const titles = await samples.evaluateAll((buttons) => buttons.map((button) => button.getAttribute('title') ?? ''));
  for (const title of titles.slice(0, 8)) {
    const button = page.getByRole('button', { name: title });
    await button.click();
    await expect(button).toHaveAttribute('aria-pressed', 'true');
    await expect(page.getByText('Face found.')).toBeVisible();
  }
});
