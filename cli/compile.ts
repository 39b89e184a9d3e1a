/** `likeness compile`: published weights → bundle folder. */
import { createHash } from 'node:crypto';
import { rmSync } from 'node:fs';
import { appendFile, mkdir, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { availableParallelism, constants } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import * as native from 'onnxruntime-node';
import type { BundleManifest } from '../src/bundle/manifest.ts';
import { AppError } from '../src/domain/errors.ts';
import { compileBundle } from '../src/forge/compile-bundle.ts';
import type { ForgeOutput } from '../src/forge/file-writer.ts';
import type { FileOpener } from '../src/forge/folder-files.ts';
import type { QuantisationReport } from '../src/forge/quantisation-report.ts';
import { InferenceGate } from '../src/runtime/inference-gate.ts';
import { ortMatMul } from '../src/runtime/ort-mat-mul.ts';
import { nodeSessionOptions } from '../src/runtime/session-options.ts';
import { checkNetwork } from './check-network.ts';
import { readCompileArguments, type CompileArguments } from './compile-options.ts';
import { openNodeFile, openNodeFolder } from './node-file-access.ts';
import { UsageError } from './usage-error.ts';

/** Signals by which a person or a system ends a command. */
const ENDS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** Throws UsageError and what `compileFolder` throws. */
export async function runCompile(args: string[]): Promise<void> {
  const wishes = readCompileArguments(args);
  const manifest = await compileFolder(wishes, console.log);
  const bytes = manifest.files.reduce((sum, file) => sum + file.bytes, 0);
  console.log(
    `${wishes.out}: ${manifest.title} ${manifest.version}, ${(bytes / 1e6).toFixed(1)} MB in ${manifest.files.length} files`,
  );
}

/**
 * Compiles into a folder beside `out` and moves it there when it is whole: what lies at `out` is always complete.
 * Throws what `compileBundle` throws, and UsageError when `out` holds something that is no bundle.
 */
export async function compileFolder(
  wishes: CompileArguments,
  onNotice: (notice: string) => void = () => undefined,
): Promise<BundleManifest> {
  const target = resolve(wishes.out);
  await requireReplaceable(target, wishes.out);
  const partial = `${target}.partial-${process.pid}`;
  const removePartial = (): void => rmSync(partial, { recursive: true, force: true });
  const interrupted = (signal: NodeJS.Signals): void => {
    removePartial();
    process.exit(128 + constants.signals[signal]);
  };
  for (const signal of ENDS) process.once(signal, interrupted);
  const files = new OpenFiles();
  const matMul = ortMatMul(native, nodeSessionOptions(availableParallelism()), new InferenceGate());
  let rounding: QuantisationReport = {};
  try {
    await mkdir(partial, { recursive: true });
    const manifest = await compileBundle({
      inputs: {
        base: files.folder(wishes.base),
        adapter: files.optional('--adapter', wishes.adapter),
        autoencoder: await files.autoencoder(wishes.autoencoder),
        imageEncoder: wishes.imageEncoder === undefined ? undefined : files.folder(wishes.imageEncoder),
        detector: files.optional('--detector', wishes.detector),
        faceEncoder: files.optional('--face-encoder', wishes.faceEncoder),
      },
      loras: wishes.loras?.map(({ path, scale }) => ({ name: path, open: files.file('--lora', path), scale })),
      fold: {
        adapterLoraScale: wishes.adapterLoraScale,
        allowUnmatched: wishes.allowUnmatched,
      },
      matMul,
      clipSkip: wishes.clipSkip,
      ...(wishes.card !== undefined && { card: wishes.card }),
      output: folderOutput(partial),
      precision: wishes.precision,
      checkNetwork,
      onNotice,
      onReport: (report) => (rounding = report),
    });
    await replaceFolder(partial, target);
    // Afterwards, so that a wrong path costs the report and not the bundle.
    if (wishes.report !== undefined) await writeReport(wishes.report, rounding);
    return manifest;
  } finally {
    for (const signal of ENDS) process.removeListener(signal, interrupted);
    await files.close();
    await matMul.close();
    removePartial();
  }
}

/** The files of one compile; all stay open until it is over. */
class OpenFiles {
  readonly #opened: { close(): Promise<void> }[] = [];

  folder(path: string) {
    const folder = openNodeFolder(path);
    this.#opened.push(folder);
    return folder;
  }

  file(option: string, path: string): FileOpener {
    return async () => {
      const file = await openNodeFile(path);
      if (file === undefined) {
        throw new AppError('bundle-missing-file', `${option} ${path} is not there`, { details: { files: [path] } });
      }
      this.#opened.push(file);
      return file;
    };
  }

  optional(option: string, path: string | undefined): FileOpener | undefined {
    return path === undefined ? undefined : this.file(option, path);
  }

  /** A folder, or the files of TAESD. */
  async autoencoder(paths: readonly string[] | undefined) {
    const [first, ...more] = paths ?? [];
    if (first === undefined) return undefined;
    const isFile = async (path: string): Promise<boolean> =>
      (await stat(path).catch(() => undefined))?.isFile() === true;
    if (more.length === 0 && !(await isFile(first))) return this.folder(first);
    return [first, ...more].map((path) => this.file('--autoencoder', path));
  }

  async close(): Promise<void> {
    await Promise.all(this.#opened.map((file) => file.close()));
  }
}

async function requireReplaceable(target: string, shown: string): Promise<void> {
  const entries: string[] = await readdir(target).catch((error: unknown) => {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return [];
    throw code === 'ENOTDIR' ? new UsageError(`--out ${shown} is a file; give a folder.`) : error;
  });
  if (entries.length > 0 && !entries.includes('bundle.json')) {
    throw new UsageError(`--out ${shown} holds other things than a bundle; give an empty or new folder.`);
  }
}

async function replaceFolder(made: string, target: string): Promise<void> {
  const replaced = `${made}.replaced`;
  await mkdir(dirname(target), { recursive: true });
  await rename(target, replaced).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  });
  await rename(made, target);
  await rm(replaced, { recursive: true, force: true });
}

async function writeReport(path: string, report: QuantisationReport): Promise<void> {
  await writeFile(path, JSON.stringify(report, null, 1)).catch((error: unknown) => {
    const { code } = error as NodeJS.ErrnoException;
    throw new UsageError(`--report ${path} cannot be written (${code ?? 'unknown reason'}); the bundle is made.`);
  });
}

function folderOutput(folder: string): ForgeOutput {
  return {
    append: async (path, bytes) => {
      const file = join(folder, path);
      await mkdir(dirname(file), { recursive: true });
      await appendFile(file, bytes);
    },
    newSha256: () => {
      const hash = createHash('sha256');
      return { update: (bytes) => void hash.update(bytes), hex: () => hash.digest('hex') };
    },
  };
}
