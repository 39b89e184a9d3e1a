/**
 * `npm test`: everything a change must pass, one gate after the other; all gates run even when one fails. Ends with
 * `N passed, N failed`, where a gate without tests of its own counts as one.
 * `npm run test:long` runs the bars that take minutes; they leave their figures under docs/measured/.
 */
import { spawn } from 'node:child_process';
import { mkdir, readFile, rm } from 'node:fs/promises';
import { findBrowser } from '../cli/find-browser.ts';

interface Tally {
  readonly passed: number;
  readonly failed: number;
}

interface Gate {
  readonly name: string;
  readonly command: readonly [string, ...string[]];
  /** Reads the counts that the gate's own report holds; absent = the gate is one check. */
  readonly report?: () => Promise<Tally>;
}

const OUT = 'out/test';
const VITEST_REPORT = `${OUT}/vitest.json`;
const PLAYWRIGHT_REPORT = `${OUT}/playwright.json`;

async function readReport(path: string): Promise<Record<string, unknown>> {
  return JSON.parse(await readFile(path, 'utf8')) as Record<string, unknown>;
}

async function vitestTally(): Promise<Tally> {
  const report = (await readReport(VITEST_REPORT)) as {
    numPassedTests: number;
    numFailedTests: number;
    numPendingTests: number;
  };
  // A skipped test is a test that did not pass: nothing is skipped silently.
  return { passed: report.numPassedTests, failed: report.numFailedTests + report.numPendingTests };
}

async function playwrightTally(): Promise<Tally> {
  const { stats } = (await readReport(PLAYWRIGHT_REPORT)) as {
    stats: { expected: number; unexpected: number; flaky: number; skipped: number };
  };
  return { passed: stats.expected, failed: stats.unexpected + stats.flaky + stats.skipped };
}

const vitest = (config: string): Gate['command'] => [
  'vitest',
  'run',
  '--config',
  config,
  '--reporter=default',
  '--reporter=json',
  `--outputFile.json=${VITEST_REPORT}`,
];

const GATES: readonly Gate[] = [
  { name: 'types', command: ['tsc', '-b'] },
  { name: 'lint', command: ['eslint', '.', '--max-warnings=0'] },
  { name: 'format', command: ['prettier', '--check', '--log-level=warn', '.'] },
  { name: 'import cycles', command: ['npm', 'run', '--silent', 'cycles'] },
  { name: 'build', command: ['vite', 'build', '--logLevel=warn'] },
  { name: 'unit and parity tests', command: vitest('vitest.config.ts'), report: vitestTally },
  { name: 'browser tests', command: ['playwright', 'test'], report: playwrightTally },
];

const LONG_GATES: readonly Gate[] = [
  { name: 'long bars', command: vitest('vitest.long.config.ts'), report: vitestTally },
];

function run(command: readonly [string, ...string[]]): Promise<number> {
  const [program, ...args] = command[0] === 'npm' ? command : ['npx', '--no-install', ...command];
  return new Promise((resolve) => {
    const child = spawn(program, args, {
      stdio: 'inherit',
      shell: process.platform === 'win32',
      env: { ...process.env, PLAYWRIGHT_JSON_OUTPUT_FILE: PLAYWRIGHT_REPORT },
    });
    child.on('error', () => resolve(1));
    child.on('exit', (code) => resolve(code ?? 1));
  });
}

async function pass(gate: Gate): Promise<Tally> {
  console.log(`\n— ${gate.name} —`);
  const code = await run(gate.command);
  const tally = await gate.report?.().catch(() => null);
  if (!tally) return code === 0 && !gate.report ? { passed: 1, failed: 0 } : { passed: 0, failed: 1 };
  // A runner that fails outside its tests (an unhandled error, no tests found) must not count as a pass.
  return code !== 0 && tally.failed === 0 ? { ...tally, failed: 1 } : tally;
}

const gates = process.argv.includes('--long') ? LONG_GATES : GATES;
await rm(OUT, { recursive: true, force: true });
await mkdir(OUT, { recursive: true });
// Found (or installed) once, before anything needs it.
try {
  process.env.CHROME_PATH = findBrowser();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  console.log('\n0 passed, 1 failed');
  process.exit(1);
}
let passed = 0;
let failed = 0;
for (const gate of gates) {
  const tally = await pass(gate);
  passed += tally.passed;
  failed += tally.failed;
  if (tally.failed > 0) console.log(`✗ ${gate.name}: ${tally.failed} failed`);
}
console.log(`\n${passed} passed, ${failed} failed`);
process.exit(failed === 0 && passed > 0 ? 0 : 1);
