import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { compileFolder } from '../../../cli/compile.ts';
import { describe as describeBundle } from '../../../cli/inspect.ts';
import { openNodeBundle } from '../../../cli/node-bundle-files.ts';
import type { QuantisationReport } from '../../../src/forge/quantisation-report.ts';
import { makeTinyCheckpoint } from '../../fixtures/tiny-checkpoint.ts';

const checkpoint = makeTinyCheckpoint();
let folder: string;
let base: string;
let out: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'likeness-cli-'));
  base = join(folder, 'checkpoint');
  out = join(folder, 'models', 'tiny');
  for (const [path, bytes] of checkpoint.files) {
    await mkdir(dirname(join(base, path)), { recursive: true });
    await writeFile(join(base, path), bytes);
  }
});
afterEach(() => rm(folder, { recursive: true }));

describe('compile', () => {
  test('makes a bundle folder that opens, and replaces it whole', async () => {
    await compileFolder({ base, out, precision: 'q8' });
    await writeFile(join(out, 'left-over.bin'), 'of an older version');
    await compileFolder({ base, out, precision: 'q4' });
    expect(await readdir(dirname(out))).toEqual(['tiny']);
    expect(await readdir(out)).not.toContain('left-over.bin');

    const report = describeBundle(await openNodeBundle(out));
    expect(report).toMatchObject({ id: 'tiny', licences: [{ name: 'Apache-2.0' }] });
    expect(report.networks.map(({ role }) => role)).toHaveLength(7);
    const denoiser = report.networks.find(({ role }) => role === 'denoiser')!;
    expect(Object.keys(denoiser.bytes).sort()).toEqual(['4-bit', '8-bit', 'float32', 'int8']);
    expect(report.totalBytes).toBe(report.files.reduce((sum, file) => sum + file.bytes, 0));
  });

  test('tells what rounding costs, layer by layer', async () => {
    const report = join(folder, 'rounding.json');
    await compileFolder({ base, out, precision: 'q4', report });
    const { denoiser } = JSON.parse(await readFile(report, 'utf8')) as QuantisationReport;
    const packed = denoiser!.tensors.filter(({ storage }) => storage === 'nbits4');
    expect(packed.length).toBeGreaterThan(0);
    for (const { snr, worst } of packed) {
      expect(snr).toBeGreaterThan(15);
      expect(worst!.relativeError).toBeGreaterThan(0);
    }
    expect(denoiser!.tensors.find(({ name }) => name === 'conv_in.weight')).toMatchObject({
      storage: 'float32',
      snr: null,
    });
  });

  test('a report that cannot be written costs no bundle', async () => {
    const report = join(folder, 'nowhere', 'rounding.json');
    await expect(compileFolder({ base, out, precision: 'q4', report })).rejects.toThrow(/--report .* \(ENOENT\)/);
    expect((await openNodeBundle(out)).manifest.id).toBe('tiny');
  });

  test('a failure leaves nothing behind and the bundle there as it was', async () => {
    await compileFolder({ base, out, precision: 'q8' });
    const before = await readFile(join(out, 'bundle.json'));
    const weights = join(base, 'unet/diffusion_pytorch_model.safetensors');
    const bytes = await readFile(weights);
    bytes.fill(0xff, bytes.length - 4); // NaN in the last tensor
    await writeFile(weights, bytes);
    await expect(compileFolder({ base, out, precision: 'q8' })).rejects.toMatchObject({
      code: 'weights-invalid',
      message: /NaN/,
    });
    expect(await readdir(dirname(out))).toEqual(['tiny']);
    expect(await readFile(join(out, 'bundle.json'))).toEqual(before);
  });

  test('does not replace what is no bundle', async () => {
    await mkdir(out, { recursive: true });
    await writeFile(join(out, 'thesis.txt'), 'precious');
    await expect(compileFolder({ base, out, precision: 'q8' })).rejects.toThrow(/other things than a bundle/);
    expect(await readdir(out)).toEqual(['thesis.txt']);
  });
});

describe('opening a bundle folder', () => {
  test('a changed file is told when it is read', async () => {
    await compileFolder({ base, out, precision: 'q8' });
    const path = join(out, 'weights/denoiser.bin');
    const bytes = await readFile(path);
    bytes[100]! ^= 1;
    await writeFile(path, bytes);
    const bundle = await openNodeBundle(out);
    await expect(bundle.files.read('weights/denoiser.bin')).rejects.toMatchObject({
      code: 'integrity',
      message: /denoiser\.bin/,
    });
    await rm(path);
    await expect(bundle.files.read('weights/denoiser.bin')).rejects.toMatchObject({ code: 'bundle-missing-file' });
  });

  test('no bundle there', async () => {
    await expect(openNodeBundle(join(folder, 'nowhere'))).rejects.toMatchObject({ code: 'bundle-missing-file' });
  });
});

describe('the command line', () => {
  const run = (...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> =>
    new Promise((resolve) => {
      execFile(process.execPath, ['--import', 'tsx', 'cli/likeness.ts', ...args], (error, stdout, stderr) =>
        resolve({ code: typeof error?.code === 'number' ? error.code : 0, stdout, stderr }),
      );
    });

  test('compiles and inspects', async () => {
    const compiled = await run('compile', '--base', base, '--out', out);
    expect(compiled).toMatchObject({ code: 0, stderr: '' });
    expect(compiled.stdout).toMatch(/Tiny 1\.2\.3, \d\.\d MB in 9 files/);
    const inspected = await run('inspect', out, '--json');
    expect(JSON.parse(inspected.stdout)).toMatchObject({
      id: 'tiny',
      networks: [{ role: 'faceDetector' }, {}, {}, {}, {}, {}, {}],
    });
  });

  test.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)('%s leaves nothing half-made', async (signal) => {
    const parent = dirname(out);
    await mkdir(parent);
    const child = spawn(process.execPath, [
      '--import',
      'tsx',
      'cli/likeness.ts',
      'compile',
      '--base',
      base,
      '--out',
      out,
    ]);
    const ended = once(child, 'exit');
    while ((await readdir(parent)).length === 0) await setTimeout(5);
    child.kill(signal);
    await ended;
    // Rarely it was quicker; then the bundle is whole.
    const left = await readdir(parent);
    if (left.length > 0) expect(left).toEqual(['tiny']);
  });

  test.each([
    [[], 2, 'stdout', /Usage: npm run likeness/],
    [['paint'], 2, 'stderr', /no command "paint"/],
    [['compile', '--base', 'x'], 2, 'stderr', /--base and --out are needed[^]*likeness compile/],
    [['compile', '--bass', 'x'], 2, 'stderr', /--bass[^]*likeness compile/],
    [['compile', '--base', 'x', '--out', 'y', '--precision', 'q2'], 2, 'stderr', /must be f32, q8, q4, not "q2"/],
    [['inspect', 'nowhere'], 1, 'stderr', /nowhere\/bundle\.json does not exist.*\(bundle-missing-file\)/],
  ] as const)('%j', async (args, code, stream, message) => {
    const result = await run(...args);
    expect(result.code).toBe(code);
    expect(result[stream]).toMatch(message);
    expect(result.stderr).not.toMatch(/at .*\.ts:\d+/);
  });
});
