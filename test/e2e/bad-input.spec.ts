import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect } from '@playwright/test';
import { test, type Product } from './product-test.ts';
import { emptyPng, facePng, HEIC, hugePng, PDF, SVG, truncatedJpeg } from './test-pictures.ts';

/** What stays in the form whatever goes wrong, and that a good face still works afterwards. */
async function expectUnharmed(product: Product): Promise<void> {
  await expect(product.prompt).toHaveValue('a red hat');
  await product.chooseSample();
  await expect(product.page.getByRole('alert')).toHaveCount(0);
}

const FILES: readonly [string, string, () => Buffer | Promise<Buffer>, string][] = [
  ['dot.png', 'image/png', () => emptyPng(1), 'only 1 × 1 pixels'],
  ['huge.png', 'image/png', hugePng, '12000 × 9000 pixels'],
  ['cut.jpg', 'image/jpeg', truncatedJpeg, 'damaged or ends too soon'],
  ['drawing.svg', 'image/svg+xml', () => SVG, 'SVG drawings cannot be read'],
  ['renamed.png', 'image/png', () => PDF, 'This is a PDF document, whatever its name says'],
  ['phone.heic', 'image/heic', () => HEIC, 'HEIC photos'],
  ['notes.png', 'image/png', () => Buffer.from('just text'), 'not a picture'],
  ['empty.png', 'image/png', () => Buffer.alloc(0), 'not a picture'],
];

for (const [name, type, bytes, message] of FILES) {
  test(`${name}: ${message}`, async ({ page, product }) => {
    await product.prompt.fill('a red hat');
    await product.chooseFile(name, type, await bytes());
    await expect(page.getByRole('alert')).toContainText(message);
    await expectUnharmed(product);
  });
}

test.describe('addresses', () => {
  // The browser itself writes failed fetches to the console.
  test.use({ expectedErrors: [/Failed to load resource/, /blocked by CORS policy/, /Content Security Policy/] });
  let server: Server;
  let base: string;
  test.beforeAll(async () => {
    server = createServer((request, response) => {
      if (request.url === '/open.png') response.setHeader('Access-Control-Allow-Origin', '*');
      response.setHeader('Content-Type', 'image/png').end(facePng());
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  test.afterAll(() => {
    server.closeAllConnections();
    server.close();
  });

  async function fetchAddress(product: Product, address: string): Promise<void> {
    const { page } = product;
    await product.prompt.fill('a red hat');
    await page.getByText('Use a picture from the web').click();
    await page.getByLabel('Picture’s address').fill(address);
    await page.getByRole('button', { name: 'Fetch' }).click();
  }

  test('another server that lets pages read', async ({ page, product }) => {
    await fetchAddress(product, `${base}/open.png`);
    await expect(page.getByText('Face found.')).toBeVisible();
  });

  test('another server that forbids it (CORS)', async ({ page, product }) => {
    await fetchAddress(product, `${base}/closed.png`);
    await expect(page.getByRole('alert')).toContainText('does not let other pages read its pictures (CORS)');
    await expectUnharmed(product);
  });

  test('a server that does not answer', async ({ page, product }) => {
    await fetchAddress(product, 'http://127.0.0.1:1/face.png');
    await expect(page.getByRole('alert')).toContainText('127.0.0.1:1 could not be reached');
    await expectUnharmed(product);
  });

  test('an address without a picture', async ({ page, product }) => {
    await fetchAddress(product, `${product.url}missing.png`);
    await expect(page.getByRole('alert')).toContainText('answered “404” instead of a picture');
    await expectUnharmed(product);
  });

  test('a web page', async ({ page, product }) => {
    await fetchAddress(product, product.url);
    await expect(page.getByRole('alert')).toContainText('leads to a web page');
    await expectUnharmed(product);
  });

  test('no address at all', async ({ page, product }) => {
    await fetchAddress(product, 'my face');
    await expect(page.getByRole('alert')).toContainText('not a picture’s address');
    await expectUnharmed(product);
  });
});

test.describe('entries', () => {
  const ENTRIES: readonly [string, string, string][] = [
    ['What should the picture show?', '', 'Say what the picture should show.'],
    ['What should the picture show?', 'x'.repeat(5000), 'at most 4,000 characters'],
    ['Width', '255', 'a whole number from 256 to 1536'],
    ['Height', 'NaN', 'a whole number from 256 to 1536'],
    ['Seed', '-1', 'a whole number from 0'],
    ['Steps', '51', 'a whole number from 1 to 50'],
    ['Guidance', 'abc', 'a number from 1 to 30'],
    ['Redrawing', '1.5', 'a number from 0 to 1'],
    ['Least likeness', '-2', 'a number from -1 to 1'],
  ];
  for (const [label, entered, message] of ENTRIES) {
    test(`${label}: ${entered.slice(0, 10) || 'empty'}`, async ({ page, product }) => {
      await product.chooseSample();
      await product.prompt.fill('a red hat');
      await product.showMore();
      const field = page.getByLabel(label, { exact: true });
      await field.fill(entered);
      await product.generateButton.click();
      await expect(page.getByRole('alert').filter({ hasText: message })).toBeVisible();
      await expect(field).toHaveValue(entered);
      await expect(field).toHaveAttribute('aria-invalid', 'true');
      await expect(field).toBeFocused();
      await expect(product.series).toHaveCount(0);
      await field.fill(label.startsWith('What') ? 'a red hat' : '');
      await product.setPictures(1);
      await product.generateButton.click();
      await product.finish();
      await expect(product.cards).toHaveCount(1);
    });
  }

  test('no face chosen', async ({ page, product }) => {
    await product.prompt.fill('a red hat');
    await product.generateButton.click();
    const told = page.getByRole('alert').filter({ hasText: 'Choose a face first.' });
    await expect(told).toBeFocused();
    await expectUnharmed(product);
    await expect(page.locator('.problem')).toHaveCount(0);
  });
});

test('entries survive a reload, the face does not', async ({ page, product }) => {
  await product.chooseSample();
  await product.prompt.fill('a red hat');
  await page.reload();
  await expect(product.prompt).toHaveValue('a red hat');
  await expect(page.getByText('Face found.')).toHaveCount(0);
});
