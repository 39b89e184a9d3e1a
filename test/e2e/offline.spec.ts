import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from '@playwright/test';
import { serveDist } from '../../cli/serve-dist.ts';
import { cachedFiles, expectKept, LastingBrowser, pwaCommand } from './lasting-browser.ts';
import { Product, test } from './product-test.ts';
import { PRODUCT_ROOT, TINY_SAMPLE } from './serve-product.ts';

const WEIGHTS = /^\/models\/.*\.(bin|onnx)$|tokenizer|weights\.json/;
const WASM = /\.wasm$/;

async function generateOne(product: Product, sample: string): Promise<void> {
  await product.chooseSample(sample);
  await product.prompt.fill('a person, smiling, blue background');
  await product.setPictures(1);
  await product.generateButton.click();
  await product.finish();
  // Below it are the pictures of earlier visits.
  await expect(product.page.locator('.series').first().locator('.card img')).toHaveCount(1);
}

test('after the first visit nothing needs the network: reload, new tab, app window, a whole generation', async ({
  productUrl,
}) => {
  expect(productUrl).not.toBe(''); // it is built
  let requests: string[] = [];
  const server = await serveDist(PRODUCT_ROOT, 0, { onRequest: (path) => requests.push(path) });
  const browser = await LastingBrowser.open();
  const { context, errors } = browser;
  try {
    const { page } = await test.step('first visit: app, engine and model are kept', async () => {
      const product = await browser.openTab(server.url);
      await expectKept(product.page);
      const state = await product.page.evaluate(async () => (await navigator.serviceWorker.ready).active?.state);
      expect(state).toBe('activated');
      // One engine build, downloaded once; in a cache of its own, with its glue; no model and no wasm with the app.
      expect(requests.filter((path) => WASM.test(path))).toHaveLength(1);
      expect(await cachedFiles(product.page, 'likeness-engine')).toEqual([
        expect.stringMatching(/^assets\/ort-wasm-simd-threaded-[\w-]+\.wasm$/),
        expect.stringMatching(/^assets\/ort\.wasm\.bundle/),
      ]);
      const app = await cachedFiles(product.page, 'likeness-precache');
      expect(app).toEqual(expect.arrayContaining(['index.html', 'manifest.webmanifest', 'samples/samples.json']));
      expect(app.filter((path) => /wasm|^models/.test(path))).toEqual([]);
      return product;
    });

    await test.step('second visit: no weights, no engine are asked for', async () => {
      requests = [];
      await page.reload();
      await expectKept(page);
      expect(requests.filter((path) => WEIGHTS.test(path) || WASM.test(path))).toEqual([]);
      expect(requests).toContain('/models/starter/bundle.json');
    });

    const session = await context.newCDPSession(page);
    const manifestId = new URL('likeness', server.url).href;
    await test.step('the browser finds nothing that is in the way of installing, and installs', async () => {
      expect(await session.send('Page.getInstallabilityErrors')).toEqual({ installabilityErrors: [] });
      const manifest = await session.send('Page.getAppManifest');
      expect([manifest.url, manifest.errors]).toEqual([`${server.url}manifest.webmanifest`, []]);
      await expect(page.getByRole('button', { name: 'Install Likeness' })).toBeVisible();
      await pwaCommand(session, 'install', { manifestId });
      await pwaCommand(session, 'changeAppUserSettings', { manifestId, displayMode: 'standalone' });
    });

    await test.step('the browser says that it is offline: a reload works', async () => {
      await context.setOffline(true);
      await page.reload();
      await expectKept(page);
      await context.setOffline(false);
    });

    await server.close();
    await test.step('the server is gone: a new tab works', async () => {
      await page.goto('about:blank');
      await expect(page.goto(`${server.url}screenshots/wide.webp`)).rejects.toThrow('ERR_CONNECTION_REFUSED');
      const tab = await browser.openTab(server.url);
      await expectKept(tab.page);
      // The worker's requests leave no trace in Playwright; this one is asked of the service worker in its place.
      const description = await tab.page.evaluate(async () => (await fetch('models/starter/bundle.json')).status);
      expect(description).toBe(200);
      await generateOne(tab, 'Hair in a bun');
      await tab.page.close();
    });

    await test.step('and so does the installed app in its window', async () => {
      const [window] = await Promise.all([context.waitForEvent('page'), pwaCommand(session, 'launch', { manifestId })]);
      await expect.poll(() => window.evaluate(() => matchMedia('(display-mode: standalone)').matches)).toBe(true);
      await expectKept(window);
      const app = new Product(window, server.url);
      await generateOne(app, 'Red beard');
      // A shortcut comes to the window that is there, which goes on as it was.
      await expect(app.prompt).not.toBeFocused();
      await pwaCommand(session, 'launch', { manifestId, url: `${server.url}?view=wish` });
      await expect(app.prompt).toBeFocused();
      await expect(app.cards).toHaveCount(2);
      expect(context.pages()).toHaveLength(3);
    });
    expect(errors).toEqual([]);
  } finally {
    await browser.close();
    await server.close();
  }
});

test('in a folder of a host that sends no headers: kept, isolated from the second visit on, and offline', async ({
  productUrl,
}) => {
  expect(productUrl).not.toBe('');
  const site = await mkdtemp(join(tmpdir(), 'likeness-site-'));
  await cp(PRODUCT_ROOT, join(site, 'people', 'likeness'), { recursive: true });
  const server = await serveDist(site, 0, { isolated: false });
  const url = `${server.url}people/likeness/`;
  const browser = await LastingBrowser.open();
  try {
    const product = await browser.openTab(url, '?app_id=tiny');
    const { page } = product;
    await expectKept(page);
    expect(await page.evaluate(() => crossOriginIsolated)).toBe(false);
    await page.reload();
    await expectKept(page);
    expect(await page.evaluate(() => crossOriginIsolated)).toBe(true);
    await generateOne(product, TINY_SAMPLE);

    await server.close();
    await page.reload();
    await expectKept(page);
    expect(await page.evaluate(() => crossOriginIsolated)).toBe(true);
    expect(browser.errors).toEqual([]);
  } finally {
    await browser.close();
    await server.close();
    await rm(site, { recursive: true, force: true });
  }
});

test('only the engine build in use is kept; another one takes its place', async ({ productUrl }) => {
  const browser = await LastingBrowser.open({ softwareWebgpu: true });
  try {
    const { page } = await browser.openTab(productUrl, '?app_id=tiny&backend=wasm');
    await expectKept(page);
    expect(await cachedFiles(page, 'likeness-engine-')).toEqual([
      expect.stringMatching(/^assets\/ort-wasm-simd-threaded-[\w-]+\.wasm$/),
      expect.stringMatching(/^assets\/ort\.wasm\.bundle/),
    ]);
    await page.goto(`${productUrl}?app_id=tiny&backend=webgpu`);
    await expectKept(page);
    expect(await cachedFiles(page, 'likeness-engine-')).toEqual([
      expect.stringMatching(/^assets\/ort-wasm-simd-threaded\.jspi-[\w-]+\.wasm$/),
      expect.stringMatching(/^assets\/ort\.jspi\.bundle/),
    ]);
    expect(browser.errors).toEqual([]);
  } finally {
    await browser.close();
  }
});
