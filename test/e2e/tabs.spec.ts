import { expect } from '@playwright/test';
import { Product, test } from './product-test.ts';
import { OTHER_MODEL } from './serve-product.ts';

test('one tab draws at a time; another one can take over, and gives back when it closes', async ({
  page,
  context,
  product,
}) => {
  const second = await context.newPage();
  await second.goto(`${product.url}?app_id=tiny`);
  await expect(second.getByText('Another tab draws at the moment.')).toBeVisible();
  const theirs = new Product(second, product.url);
  await expect(theirs.generateButton).toBeDisabled();

  await second.getByRole('button', { name: 'Draw here instead' }).click();
  await expect(theirs.generateButton).toBeEnabled();
  await theirs.chooseSample();
  await expect(page.getByText('Another tab draws at the moment.')).toBeVisible();
  await expect(product.generateButton).toBeDisabled();

  await second.close();
  await expect(product.generateButton).toBeEnabled();
  await product.chooseSample();
});

test('a second tab shows how far the first one’s download is, and can take it over', async ({
  page,
  context,
  product,
}) => {
  let held = true;
  let asked = 0;
  let open: () => void = () => undefined;
  const gate = new Promise<void>((resolve) => (open = resolve));
  await context.route('**/models/other/weights/**', async (route) => {
    asked += 1;
    if (held && asked > 4) await gate;
    await route.continue().catch(() => undefined);
  });
  const second = await context.newPage();
  await second.goto(`${product.url}?app_id=tiny`);
  for (const tab of [page, second]) await tab.locator('#models summary').first().click();
  const [mine, theirs] = [page, second].map((tab) => tab.getByRole('article', { name: OTHER_MODEL }));
  await expect(theirs!).toContainText('Not installed');
  await mine!.getByRole('button', { name: 'Install' }).click();
  await expect(theirs!.getByRole('progressbar')).toBeVisible();
  await expect(theirs!).toContainText('Another tab works on it.');
  await expect(mine!).not.toContainText('Another tab works on it.');

  held = false;
  await theirs!.getByRole('button', { name: 'Go on here instead' }).click();
  open();
  await expect(theirs!).toContainText('Installed', { timeout: 30_000 });
  await expect(mine!).toContainText('Installed', { timeout: 30_000 });
});

test('a tab that crashed while its model was loading does not load it again unasked', async ({
  context,
  productUrl,
}) => {
  const first = await context.newPage();
  let open: () => void = () => undefined;
  const gate = new Promise<void>((resolve) => (open = resolve));
  await context.route('**/models/tiny/weights/**', async (route) => {
    await gate;
    await route.continue().catch(() => undefined);
  });
  await first.goto(`${productUrl}?app_id=tiny`);
  await expect(first.getByText('Loading the model: ')).toBeVisible();
  const session = await context.newCDPSession(first);
  session.send('Page.crash').catch(() => undefined);
  await first.waitForEvent('crash');
  open();

  const second = await context.newPage();
  const product = new Product(second, productUrl);
  await second.goto(`${productUrl}?app_id=tiny`);
  await expect(second.getByText('The page ended while the model was loading')).toBeVisible();
  await expect(product.generateButton).toBeDisabled();
  await second.getByRole('button', { name: 'Load the model' }).click();
  await expect(product.generateButton).toBeEnabled();
});

test('a tab that is closed in order leaves no mark', async ({ page, product }) => {
  await page.reload();
  await expect(product.generateButton).toBeEnabled();
  await expect(page.getByText('The page ended while the model was loading')).toBeHidden();
});
