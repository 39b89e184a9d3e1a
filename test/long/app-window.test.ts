/**
 * The app as a window of its own (`--app=`), with the server stopped: a whole generation by the starter. Headed where
 * there is a display (`xvfb-run npm run test:long` makes one), else headless; the figures say which.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium, type BrowserContext } from '@playwright/test';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { browserFlags } from '../../cli/browser-flags.ts';
import { buildProduct } from '../../cli/build-product.ts';
import { findBrowser } from '../../cli/find-browser.ts';
import { serveDist, type StaticServer } from '../../cli/serve-dist.ts';
import { leaveFigures } from './figures.ts';

const HEADED = (process.env.DISPLAY ?? '') !== '';

let profile: string;
let server: StaticServer;
const errors: string[] = [];

beforeAll(async () => {
  await buildProduct();
  profile = await mkdtemp(join(tmpdir(), 'likeness-profile-'));
  server = await serveDist('dist');
});
afterAll(async () => {
  await server.close();
  await rm(profile, { recursive: true, force: true, maxRetries: 3 });
});

async function openBrowser(...flags: readonly string[]): Promise<BrowserContext> {
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: findBrowser(),
    args: [...browserFlags(), ...flags],
    headless: !HEADED,
    viewport: null,
  });
  context.on('console', (message) => {
    if (message.type() === 'error') errors.push(message.text());
  });
  context.on('weberror', (error) => errors.push(error.error().message));
  return context;
}

it('generates in its own window while the server is stopped', async () => {
  const first = await openBrowser();
  const tab = await first.newPage();
  await tab.goto(server.url);
  for (const part of ['app', 'engine', 'model']) {
    await tab.locator(`[data-part=${part}][data-readiness=ready]`).waitFor({ timeout: 120_000 });
  }
  await first.close();
  await server.close();

  const second = await openBrowser(`--app=${server.url}`);
  const window = second.pages()[0] ?? (await second.waitForEvent('page'));
  await window.waitForURL(server.url);
  const openedAt = performance.now();
  await window.getByRole('button', { name: 'Hair in a bun' }).click();
  await window.getByText('Face found.').waitFor({ timeout: 120_000 });
  await window.getByLabel('What should the picture show?').fill('a person, smiling, blue background');
  await window.getByRole('slider', { name: 'Pictures' }).fill('1');
  await window.getByRole('button', { name: /^Generate/ }).click();
  await window.locator('[data-status=done]').waitFor({ timeout: 300_000 });
  const figures = {
    headed: HEADED,
    standalone: await window.evaluate(() => matchMedia('(display-mode: standalone)').matches),
    pictures: await window.locator('.card img').count(),
    secondsToThePicture: (performance.now() - openedAt) / 1000,
    errors,
  };
  await second.close();
  await leaveFigures('app-window', figures);
  expect(figures).toMatchObject({ standalone: true, pictures: 1, errors: [] });
});
