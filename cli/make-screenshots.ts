/**
 * `npm run screenshots`: the pictures that the manifest shows before installing, taken from the built product with the
 * starter model. Run it after the page's looks or the starter have changed; the results are kept in the repository.
 */
import { mkdir, stat, writeFile } from 'node:fs/promises';
import { chromium, type Browser } from '@playwright/test';
import sharp from 'sharp';
import { browserFlags } from './browser-flags.ts';
import { buildProduct } from './build-product.ts';
import { findBrowser } from './find-browser.ts';
import { serveDist } from './serve-dist.ts';

const OUT = 'public/screenshots';
const SAMPLE = 'Long red hair';
const WISH = 'a person, smiling, wearing a green sweater, yellow background';

interface Shot {
  readonly name: string;
  readonly width: number;
  readonly height: number;
  readonly scale: number;
  /** What the picture begins with; the top of the page unless named. */
  readonly from?: string;
}

const SHOTS: readonly Shot[] = [
  { name: 'wide', width: 1280, height: 800, scale: 1 },
  { name: 'narrow', width: 390, height: 780, scale: 2, from: '#results' },
];

async function take(browser: Browser, url: string, { name, width, height, scale, from }: Shot): Promise<void> {
  const page = await browser.newPage({ viewport: { width, height }, deviceScaleFactor: scale, colorScheme: 'light' });
  await page.goto(url);
  await page.getByRole('button', { name: SAMPLE }).click();
  await page.getByText('Face found.').waitFor({ timeout: 120_000 });
  await page.getByLabel('What should the picture show?').fill(WISH);
  await page.getByRole('button', { name: /^Generate/ }).click();
  await page.locator('[data-status=done]').waitFor({ timeout: 600_000 });
  await page.evaluate((selector) => {
    (document.activeElement as HTMLElement | null)?.blur();
    if (selector === undefined) window.scrollTo(0, 0);
    else document.querySelector(selector)?.scrollIntoView({ block: 'start' });
  }, from);
  const file = `${OUT}/${name}.webp`;
  await writeFile(
    file,
    await sharp(await page.screenshot())
      .webp({ quality: 82, effort: 6 })
      .toBuffer(),
  );
  console.log(`${file}  ${width * scale} × ${height * scale}  ${(await stat(file)).size} bytes`);
  await page.close();
}

await mkdir(OUT, { recursive: true });
await buildProduct();
const server = await serveDist('dist');
const browser = await chromium.launch({ executablePath: findBrowser(), args: browserFlags() });
try {
  for (const shot of SHOTS) await take(browser, server.url, shot);
} finally {
  await browser.close();
  await server.close();
}
