import type { EngineBuild } from '../domain/ports.ts';
import type { BuiltFiles } from './built-files.ts';
import { withIsolation } from './isolation.ts';

/**
 * Files of the one inference engine that this browser uses, in a cache named after it; the name is how a later version
 * knows which one to bring along. Several copies of the app may share an origin, so the name holds the scope as well.
 */
export class EngineCache {
  readonly #engines: BuiltFiles['engines'];
  readonly #scope: string;
  readonly #caches: CacheStorage;
  readonly #fetch: typeof globalThis.fetch;

  constructor(engines: BuiltFiles['engines'], scope: string, caches: CacheStorage, fetch: typeof globalThis.fetch) {
    this.#engines = engines;
    this.#scope = scope;
    this.#caches = caches;
    this.#fetch = fetch;
  }

  /** Keeps this engine and forgets the others. Rejects when a file cannot be fetched; what has arrived stays. */
  async keep(engine: EngineBuild): Promise<void> {
    await this.#fill(engine);
    for (const other of this.#names()) if (other !== engine) await this.#caches.delete(this.#cacheName(other));
  }

  /** At installation: this version's files of the engine that the version before has kept. */
  async bringAlong(): Promise<void> {
    for (const engine of this.#names()) {
      if (await this.#caches.has(this.#cacheName(engine))) await this.#fill(engine);
    }
  }

  /** At activation: forgets the files of the version before. */
  async removeReplaced(): Promise<void> {
    for (const engine of this.#names()) {
      if (!(await this.#caches.has(this.#cacheName(engine)))) continue;
      const cache = await this.#caches.open(this.#cacheName(engine));
      const current = this.#urls(engine);
      for (const { url } of await cache.keys()) if (!current.includes(url)) await cache.delete(url);
    }
  }

  async has(engine: EngineBuild): Promise<boolean> {
    const kept = await Promise.all(this.#urls(engine).map((url) => this.match(url)));
    return kept.every((response) => response !== undefined);
  }

  isEngineFile(url: string): boolean {
    return this.#names().some((engine) => this.#urls(engine).includes(url));
  }

  async match(url: string): Promise<Response | undefined> {
    const engine = this.#names().find((name) => this.#urls(name).includes(url));
    if (engine === undefined || !(await this.#caches.has(this.#cacheName(engine)))) return undefined;
    return (await this.#caches.open(this.#cacheName(engine))).match(url);
  }

  async #fill(engine: EngineBuild): Promise<void> {
    const cache = await this.#caches.open(this.#cacheName(engine));
    for (const url of this.#urls(engine)) {
      if ((await cache.match(url)) !== undefined) continue;
      // The names carry a hash: what the HTTP cache has of them is right, and saves the second download.
      const response = await this.#fetch(url);
      if (!response.ok) throw new Error(`${url} answered ${response.status}.`);
      await cache.put(url, withIsolation(response));
    }
  }

  #names(): readonly EngineBuild[] {
    return Object.keys(this.#engines) as EngineBuild[];
  }

  #urls(engine: EngineBuild): readonly string[] {
    return this.#engines[engine].map((path) => new URL(path, this.#scope).href);
  }

  #cacheName(engine: EngineBuild): string {
    return `likeness-engine-${engine}-${this.#scope}`;
  }
}
