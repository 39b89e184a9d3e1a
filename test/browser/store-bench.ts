/** A real browser with a profile on disk, in it the model store's test page, and a server that misbehaves. */
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import process from 'node:process';
import { chromium, type BrowserContext, type Page } from '@playwright/test';
import { build } from 'vite';
import { browserFlags } from '../../cli/browser-flags.ts';
import { findBrowser } from '../../cli/find-browser.ts';
import { serveDist, type StaticServer } from '../../cli/serve-dist.ts';
import type { ModelListing } from '../../src/domain/models.ts';
import { MisbehavingServer } from '../fixtures/misbehaving-server.ts';
import type { StoreCall, StoreReply } from './store-page/store.worker.ts';

const PAGE = resolve(import.meta.dirname, 'store-page');
const OUT = resolve(import.meta.dirname, '../../node_modules/.cache/likeness-store-test');

export class StoreBench {
  readonly server: MisbehavingServer;
  readonly profile: string;
  readonly #site: StaticServer;
  #context: BrowserContext | null = null;
  #page: Page | null = null;

  static async open(): Promise<StoreBench> {
    await build({
      root: PAGE,
      configFile: false,
      base: './',
      logLevel: 'warn',
      build: { outDir: OUT, emptyOutDir: true, target: 'es2022', reportCompressedSize: false, minify: false },
      worker: { format: 'es' },
    });
    const profile = await mkdtemp(join(tmpdir(), 'likeness-store-'));
    return new StoreBench(await MisbehavingServer.start(), await serveDist(OUT), profile);
  }

  private constructor(server: MisbehavingServer, site: StaticServer, profile: string) {
    this.server = server;
    this.#site = site;
    this.profile = profile;
  }

  /** Throws the store's error as `{code, message}`. */
  async call<T>(call: StoreCall): Promise<T> {
    const page = await this.#openPage();
    const reply: StoreReply = await page.evaluate((asked) => window.callStore(asked), call);
    if ('error' in reply) throw Object.assign(new Error(reply.error.message), { code: reply.error.code });
    return reply.value as T;
  }

  async find(id: string): Promise<ModelListing | undefined> {
    return (await this.call<ModelListing[]>({ do: 'list' })).find((model) => model.id === id);
  }

  async endWorker(): Promise<void> {
    await this.#page?.evaluate(() => window.endStore());
  }

  async closeTab(): Promise<void> {
    const page = this.#page;
    this.#page = null;
    await page?.close();
  }

  /** Ends the browser as a power cut does; the next call starts it again on the same profile. */
  async killBrowser(): Promise<void> {
    const context = this.#context;
    this.#context = null;
    this.#page = null;
    const gone = new Promise((done) => context?.once('close', done));
    for (let pids = await this.#pids(); pids.length > 0; pids = await this.#pids()) {
      for (const pid of pids) tryKill(pid);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    await gone;
    for (const name of await readdir(this.profile)) {
      if (name.startsWith('Singleton')) await rm(join(this.profile, name), { force: true });
    }
  }

  async close(): Promise<void> {
    await this.closeBrowser();
    await this.#site.close();
    await this.server.close();
    await rm(this.profile, { recursive: true, force: true, maxRetries: 5 });
  }

  /** In order, as a person does; the profile stays. */
  async closeBrowser(): Promise<void> {
    const context = this.#context;
    this.#context = null;
    this.#page = null;
    await context?.close();
  }

  async #openPage(): Promise<Page> {
    this.#context ??= await chromium.launchPersistentContext(this.profile, {
      executablePath: findBrowser(),
      args: browserFlags(),
    });
    if (this.#page === null) {
      this.#page = await this.#context.newPage();
      await this.#page.goto(this.#site.url);
    }
    return this.#page;
  }

  /** The browser on this bench's profile, with its children. */
  async #pids(): Promise<readonly number[]> {
    const found: number[] = [];
    for (const name of await readdir('/proc')) {
      if (!/^\d+$/.test(name)) continue;
      const command = await readFile(`/proc/${name}/cmdline`, 'utf8').catch(() => '');
      if (command.includes(this.profile)) found.push(Number(name));
    }
    return found;
  }
}

function tryKill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended by itself meanwhile.
  }
}
