/**
 * Builds the service worker beside the finished product and tells it what the product consists of: what Workbox calls
 * injectManifest.
 */
import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join, relative, resolve, sep } from 'node:path';
import { build, type Plugin, type ResolvedConfig } from 'vite';
import type { EngineBuild } from '../src/domain/ports.ts';
import type { AppFile, BuiltFiles } from '../src/pwa/built-files.ts';

const ENTRY = resolve(import.meta.dirname, '../workers/service-worker.ts');
export const SERVICE_WORKER_FILE = 'service-worker.js';

/** Everything that the page opens with; never wasm, never a model, never the pictures for app stores. */
const APP_FILE = /^(?!models\/|screenshots\/|assets\/ort\.).*\.(html|js|css|svg|png|webp|json|webmanifest)$/;
/** The precache holds no weights: whatever is larger than this got there by mistake. */
const LARGEST_APP_FILE = 1024 ** 2;

/** Names that Vite gives to onnxruntime-web's three builds: the glue and its one wasm file. */
const ENGINE_FILES: Readonly<Record<EngineBuild, readonly RegExp[]>> = {
  wasm: [/^assets\/ort\.wasm\.bundle.*\.js$/, /^assets\/ort-wasm-simd-threaded-[\w-]+\.wasm$/],
  jspi: [/^assets\/ort\.jspi\.bundle.*\.js$/, /^assets\/ort-wasm-simd-threaded\.jspi-[\w-]+\.wasm$/],
  asyncify: [/^assets\/ort\.webgpu\.bundle.*\.js$/, /^assets\/ort-wasm-simd-threaded\.asyncify-[\w-]+\.wasm$/],
};

/** Vite plugin; the build fails when an engine file is missing or something large would be precached. */
export function serviceWorkerPlugin(): Plugin {
  let config: ResolvedConfig;
  return {
    name: 'likeness-service-worker',
    apply: 'build',
    configResolved(resolved) {
      config = resolved;
    },
    async writeBundle() {
      const outDir = resolve(config.root, config.build.outDir);
      await buildServiceWorker(outDir, config, await describeBuild(outDir));
    },
  };
}

/** What lies in `outDir`, by the addresses that it has relative to the page. */
async function describeBuild(outDir: string): Promise<BuiltFiles> {
  const entries = await readdir(outDir, { recursive: true, withFileTypes: true });
  const paths = entries
    .filter((entry) => entry.isFile())
    .map((entry) => relative(outDir, join(entry.parentPath, entry.name)).split(sep).join('/'))
    .sort();
  const app = await Promise.all(
    paths.filter((path) => APP_FILE.test(path) && path !== SERVICE_WORKER_FILE).map((path) => appFile(outDir, path)),
  );
  const engines = {
    wasm: engineFiles('wasm', paths),
    jspi: engineFiles('jspi', paths),
    asyncify: engineFiles('asyncify', paths),
  };
  const version = createHash('sha256')
    .update(JSON.stringify([app, engines]))
    .digest('hex')
    .slice(0, 8);
  return { version, app, engines };
}

async function appFile(outDir: string, path: string): Promise<AppFile> {
  const bytes = await readFile(join(outDir, path));
  if (bytes.length > LARGEST_APP_FILE) {
    throw new Error(`${path} has ${bytes.length} bytes, too many to be kept with the app; see APP_FILE.`);
  }
  // Names under assets/ carry a hash of their own.
  const revision = path.startsWith('assets/') ? null : createHash('sha256').update(bytes).digest('hex').slice(0, 16);
  return { url: path, revision };
}

function engineFiles(name: EngineBuild, paths: readonly string[]): readonly string[] {
  return ENGINE_FILES[name].map((pattern) => {
    const found = paths.filter((path) => pattern.test(path));
    if (found.length !== 1) throw new Error(`Expected one file ${pattern.source}, found ${found.length}.`);
    return found[0]!;
  });
}

async function buildServiceWorker(outDir: string, config: ResolvedConfig, files: BuiltFiles): Promise<void> {
  await build({
    configFile: false,
    publicDir: false,
    logLevel: config.logLevel ?? 'warn',
    define: { __BUILT_FILES__: JSON.stringify(files) },
    build: {
      outDir,
      emptyOutDir: false,
      target: config.build.target,
      reportCompressedSize: config.build.reportCompressedSize,
      rolldownOptions: { input: ENTRY, output: { format: 'iife', entryFileNames: SERVICE_WORKER_FILE } },
    },
  });
}
