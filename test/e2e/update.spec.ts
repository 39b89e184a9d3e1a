import { cp, mkdtemp, rename, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, type Page } from '@playwright/test';
import type { InlineConfig } from 'vite';
import { serveDist } from '../../cli/serve-dist.ts';
import { cachedFiles, expectKept, LastingBrowser } from './lasting-browser.ts';
import { Product, test } from './product-test.ts';
import { buildForTests, PRODUCT_ROOT } from './serve-product.ts';

/** The same product with other names for all that is built, so that no file of it is one of the version before. */
const SECOND_VERSION: InlineConfig = {
  build: { rolldownOptions: { output: named('second') } },
  worker: { rolldownOptions: { output: named('second') } },
};

function named(mark: string) {
  return {
    entryFileNames: `assets/[name]-${mark}-[hash].js`,
    chunkFileNames: `assets/[name]-${mark}-[hash].js`,
    assetFileNames: `assets/[name]-${mark}-[hash][extname]`,
  };
}

/** Enough to draw that it goes on while the update is fetched. */
const SCENES = ['red hat', 'blue hat', 'green hat', 'yellow hat'].join('\n');

/** Points `link` at another folder, in one step as a deployment does. */
async function serveFrom(folder: string, link: string): Promise<void> {
  await symlink(folder, `${link}.next`);
  await rename(`${link}.next`, link);
}

const isSecondVersion = (page: Page): Promise<boolean> =>
  page.evaluate(() => document.querySelector('script[src]')?.getAttribute('src')?.includes('-second-') === true);

test('an update asks, waits for what is being drawn, and then nothing of the version before is left', async ({
  productUrl,
}) => {
  expect(productUrl).not.toBe('');
  const site = await mkdtemp(join(tmpdir(), 'likeness-site-'));
  const current = join(site, 'current');
  const second = join(site, 'second');
  await serveFrom(PRODUCT_ROOT, current);
  await buildForTests(second, SECOND_VERSION);
  await cp(join(PRODUCT_ROOT, 'models'), join(second, 'models'), { recursive: true });

  const requests: string[] = [];
  const server = await serveDist(current, 0, { onRequest: (path) => requests.push(path) });
  const browser = await LastingBrowser.open();
  try {
    const product = await browser.openTab(server.url, '?app_id=tiny');
    const { page } = product;
    await expectKept(page);
    // One window draws at a time; this one is there all the same, and has to be asked too.
    const other = new Product(await browser.context.newPage(), server.url);
    await other.page.goto(`${server.url}?app_id=tiny`);
    await expect(other.page.getByText('Another tab draws at the moment.')).toBeVisible();

    await product.chooseSample();
    await product.prompt.fill(SCENES);
    await product.setPictures(8);
    await product.showMore();
    await page.getByLabel('Steps').fill('50');
    await product.generateButton.click();
    await expect(page.locator('[data-status=running]')).toHaveCount(1);
    await page.evaluate(() => {
      addEventListener('pagehide', () => {
        const { status } = [...document.querySelectorAll<HTMLElement>('.series')].at(-1)!.dataset;
        sessionStorage.setItem('at-the-end', `${status}, ${document.querySelectorAll('.card img').length} pictures`);
      });
    });

    await serveFrom(second, current);
    requests.length = 0;
    // What the page itself does once an hour.
    await page.evaluate(async () => (await navigator.serviceWorker.ready).update());
    // Both windows are asked; the one that does not draw says yes first, and waits for the one that does.
    await expect(page.getByText('An update is ready.')).toBeVisible({ timeout: 30_000 });
    // Pictures outlive the page.
    await expect(page.getByText('Pictures that could not be kept')).toBeHidden();
    // Nothing more is needed for it: the new version's engine has been brought along.
    expect(requests.filter((path) => path.endsWith('.wasm'))).toHaveLength(1);
    await server.close();
    await other.page.locator('[data-update=ready]').getByRole('button', { name: 'Reload' }).click();
    await expect(other.page.getByText('The update comes when')).toBeVisible();
    await page.locator('[data-update=ready]').getByRole('button', { name: 'Reload' }).click();
    await expect(page.getByText('The update comes when')).toBeVisible();
    await expect(page.locator('[data-status=running]')).toHaveCount(1);
    expect([await isSecondVersion(page), await isSecondVersion(other.page)]).toEqual([false, false]);

    await expect.poll(() => isSecondVersion(page).catch(() => false), { timeout: 60_000 }).toBe(true);
    expect(await page.evaluate(() => sessionStorage.getItem('at-the-end'))).toBe('done, 32 pictures');
    await expect(product.cards).toHaveCount(32);
    await expect(product.prompt).toHaveValue(SCENES);
    await expect.poll(() => isSecondVersion(other.page).catch(() => false)).toBe(true);
    await other.page.close(); // whichever came back first had the engine
    await expectKept(page);

    const engine = await cachedFiles(page, 'likeness-engine');
    expect(engine).toEqual([
      expect.stringMatching(/^assets\/ort-wasm-simd-threaded-second-[\w-]+\.wasm$/),
      expect.stringMatching(/^assets\/ort\.wasm\.bundle.*-second-/),
    ]);
    const built = (await cachedFiles(page, 'likeness-precache')).filter((path) => path.startsWith('assets/'));
    expect(built.length).toBeGreaterThan(2);
    expect(built.filter((path) => !path.includes('-second-'))).toEqual([]);

    expect(browser.errors).toEqual([]);
  } finally {
    await browser.close();
    await server.close();
    await rm(site, { recursive: true, force: true });
  }
});
