import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium, expect, type BrowserContext, type CDPSession, type Page } from '@playwright/test';
import { browserFlags } from '../../cli/browser-flags.ts';
import { findBrowser } from '../../cli/find-browser.ts';
import { Product } from './product-test.ts';

/**
 * A browser with a profile of its own, as a person has one: service workers run, apps can be installed, and what one
 * visit kept is there at the next. Whatever any page logs as an error is collected.
 */
export class LastingBrowser {
  readonly context: BrowserContext;
  readonly errors: string[] = [];
  readonly #profile: string;

  private constructor(context: BrowserContext, profile: string) {
    this.context = context;
    this.#profile = profile;
    context.on('console', (message) => {
      if (message.type() === 'error' || /content security policy/i.test(message.text())) {
        this.errors.push(`${message.text()} (${message.location().url})`);
      }
    });
    context.on('weberror', (error) => this.errors.push(error.error().message));
  }

  static async open(flags: Parameters<typeof browserFlags>[0] = {}): Promise<LastingBrowser> {
    const profile = await mkdtemp(join(tmpdir(), 'likeness-profile-'));
    const context = await chromium.launchPersistentContext(profile, {
      executablePath: findBrowser(),
      args: browserFlags(flags),
      serviceWorkers: 'allow',
    });
    return new LastingBrowser(context, profile);
  }

  /** A new tab with the product ready in it. */
  async openTab(url: string, query = ''): Promise<Product> {
    const product = new Product(await this.context.newPage(), url);
    await product.open(query);
    return product;
  }

  async close(): Promise<void> {
    await this.context.close();
    await rm(this.#profile, { recursive: true, force: true, maxRetries: 3 });
  }
}

/** Waits until app, engine and model are told to lie on this device. */
export async function expectKept(page: Page): Promise<void> {
  for (const part of ['app', 'engine', 'model']) {
    await expect(page.locator(`[data-part=${part}]`)).toHaveAttribute('data-readiness', 'ready', { timeout: 30_000 });
  }
}

/** Paths of all cached files, relative to the page, sorted; by cache whose name begins with `prefix`. */
export async function cachedFiles(page: Page, prefix: string): Promise<readonly string[]> {
  return page.evaluate(async (start) => {
    const names = (await caches.keys()).filter((name) => name.startsWith(start));
    const requests = await Promise.all(names.map(async (name) => (await caches.open(name)).keys()));
    const base = new URL('./', location.href).href;
    return requests.flatMap((list) => list.map(({ url }) => url.replace(base, '').replace(/\?.*/, ''))).sort();
  }, prefix);
}

/** Chromium's domain for installed apps is experimental, so Playwright's types do not know all of it. */
export async function pwaCommand(session: CDPSession, method: string, params: object): Promise<void> {
  await (session.send as (name: string, parameters: object) => Promise<unknown>).call(session, `PWA.${method}`, params);
}
