/**
 * `npm run demo`: the built product in a real headless browser, as a person uses it: one sample face, four scenes.
 * Leaves the pictures, a contact sheet and the figures under out/demo/ and ends by itself; exit code 1 if anything fails.
 */
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { chromium, type Browser, type Page } from '@playwright/test';
import { browserFlags } from './browser-flags.ts';
import { buildProduct } from './build-product.ts';
import { findBrowser } from './find-browser.ts';
import { serveDist } from './serve-dist.ts';

const OUT = 'out/demo';

/** Inside what the starter knows. */
const SCENES = [
  'a person, smiling, wearing a red t-shirt, blue background',
  'a person, with a big smile, wearing sunglasses and a yellow hoodie, teal background',
  'a person, looking surprised, wearing a black hat and a white turtleneck, pink background',
  'a person, looking left, wearing glasses and a navy suit, orange background',
];

const LOAD_LIMIT_MS = 120_000;
const IMAGE_LIMIT_MS = 300_000;

interface DemoImage {
  readonly prompt: string;
  readonly file: string;
  readonly seconds: number;
  /** As the page tells it. */
  readonly likeness: string;
  readonly png: Buffer;
}

/** The browser's path, or one line that says what to do. */
function browserOrExit(): string {
  try {
    return findBrowser();
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exit(1);
  }
}

async function chooseFirstSample(page: Page): Promise<Buffer> {
  const sample = page.locator('.samples button').first();
  await sample.click();
  await page.getByText('Face found.').waitFor({ timeout: LOAD_LIMIT_MS });
  return bytesOf(page, await sample.locator('img').evaluate((image: HTMLImageElement) => image.src));
}

/** The bytes behind an address that only the page can read, e.g. blob:. */
async function bytesOf(page: Page, url: string): Promise<Buffer> {
  const base64 = await page.evaluate(async (address) => {
    const bytes = new Uint8Array(await (await fetch(address)).arrayBuffer());
    return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(''));
  }, url);
  return Buffer.from(base64, 'base64');
}

/** Waits for one scene's end. Rejects with the page's own message when it failed. */
async function finished(page: Page, prompt: string): Promise<number> {
  const series = page.getByRole('article', { name: prompt, exact: true });
  await series.and(page.locator(':is([data-status=done],[data-status=failed])')).waitFor({ timeout: IMAGE_LIMIT_MS });
  const at = performance.now();
  if ((await series.getAttribute('data-status')) === 'done') return at;
  throw new Error(`"${prompt}" failed: ${await series.getByRole('alert').innerText()}`);
}

async function collect(page: Page, prompt: string, index: number, seconds: number): Promise<DemoImage> {
  const series = page.getByRole('article', { name: prompt, exact: true });
  const url = await series.locator('.card img').evaluate((image: HTMLImageElement) => image.src);
  const png = await bytesOf(page, url);
  const likeness = (await series.locator('.likeness').innerText()).trim();
  const file = `${OUT}/${index + 1}.png`;
  await writeFile(file, png);
  console.log(`  ${file}  ${seconds.toFixed(1)} s  ${likeness}  ${prompt}`);
  return { prompt, file, seconds, likeness, png };
}

async function generate(page: Page): Promise<DemoImage[]> {
  await page.getByLabel('What should the picture show?').fill(SCENES.join('\n'));
  await page.getByRole('slider', { name: 'Pictures' }).fill('1');
  const startedAt = performance.now();
  await page.getByRole('button', { name: /^Generate/ }).click();
  // Scenes run one after the other, so each one's time is that since the one before; nothing else is asked meanwhile.
  const endedAt = await Promise.all(SCENES.map((prompt) => finished(page, prompt)));
  const images: DemoImage[] = [];
  for (const [index, prompt] of SCENES.entries()) {
    images.push(await collect(page, prompt, index, (endedAt[index]! - (endedAt[index - 1] ?? startedAt)) / 1000));
  }
  return images;
}

/** One picture of reference and results with their captions. */
async function contactSheet(browser: Browser, reference: Buffer, images: readonly DemoImage[]): Promise<void> {
  const tile = (source: string, caption: string): string =>
    `<figure><img src="${source}"><figcaption>${caption}</figcaption></figure>`;
  const tiles = [
    tile(`data:image/webp;base64,${reference.toString('base64')}`, '<b>the face</b>'),
    ...images.map(({ png, prompt, seconds, likeness }) =>
      tile(
        `data:image/png;base64,${png.toString('base64')}`,
        `${prompt}<br><b>${likeness} · ${seconds.toFixed(1)} s</b>`,
      ),
    ),
  ];
  const page = await browser.newPage({ viewport: { width: 1360, height: 360 } });
  await page.setContent(`<style>
    body { margin: 0; padding: 16px; display: flex; gap: 12px; font: 13px/1.35 system-ui, sans-serif; background: #fff }
    figure { margin: 0; width: 256px } img { width: 256px; height: 256px; border-radius: 8px; display: block }
    figcaption { padding-top: 8px; color: #333 }</style>${tiles.join('')}`);
  await page.screenshot({ path: `${OUT}/contact-sheet.png`, fullPage: true });
  await page.close();
}

const executablePath = browserOrExit();
await rm(OUT, { recursive: true, force: true });
await mkdir(OUT, { recursive: true });
console.log('Building …');
await buildProduct();
const server = await serveDist('dist');
const browser = await chromium.launch({ executablePath, args: browserFlags() });
try {
  const page = await browser.newPage({ viewport: { width: 1440, height: 1000 } });
  const openedAt = performance.now();
  await page.goto(server.url);
  const reference = await chooseFirstSample(page);
  const loadSeconds = (performance.now() - openedAt) / 1000;
  console.log(`Loaded, and the face found, in ${loadSeconds.toFixed(1)} s. Generating ${SCENES.length} scenes:`);
  const images = await generate(page);
  await page.screenshot({ path: `${OUT}/page.png`, fullPage: true });
  await contactSheet(browser, reference, images);
  const figures = images.map(({ png, ...figure }) => ({ ...figure, bytes: png.byteLength }));
  await writeFile(`${OUT}/demo.json`, `${JSON.stringify({ loadSeconds, images: figures }, null, 2)}\n`);
  console.log(`Contact sheet: ${OUT}/contact-sheet.png`);
} finally {
  await browser.close();
  await server.close();
}
