import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import process from 'node:process';
import { chromium } from '@playwright/test';
import { AppError } from '../src/domain/errors.ts';

/** Program names under which Chromium-family browsers are installed, best first. */
const NAMES = ['chromium', 'chromium-browser', 'google-chrome-stable', 'google-chrome', 'chrome', 'microsoft-edge'];

const WHAT_TO_DO =
  'Install Chromium or Chrome, or set CHROME_PATH to its program, or run `npx playwright install chromium`.';

/**
 * Path of a Chromium-family browser, by the one rule that demo and tests share: CHROME_PATH, then one installed on the
 * system, then the one that Playwright has downloaded, then (as root on Debian) one installed by apt-get now.
 * Throws AppError `unavailable` with one line that says what to do.
 */
export function findBrowser(): string {
  const chosen = process.env['CHROME_PATH'];
  if (chosen !== undefined && chosen !== '') {
    if (existsSync(chosen)) return chosen;
    throw new AppError('unavailable', `CHROME_PATH is ${chosen}, which does not exist. ${WHAT_TO_DO}`);
  }
  const found = onPath() ?? usualPlaces().find((path) => existsSync(path)) ?? downloadedByPlaywright();
  return found ?? installOnDebian();
}

function onPath(): string | undefined {
  if (process.platform === 'win32') return undefined; // browsers are not on PATH there
  const folders = (process.env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== '');
  return NAMES.flatMap((name) => folders.map((folder) => join(folder, name))).find((path) => existsSync(path));
}

function usualPlaces(): string[] {
  switch (process.platform) {
    case 'darwin': {
      const programs = ['Google Chrome', 'Chromium', 'Microsoft Edge'].map(
        (name) => `Applications/${name}.app/Contents/MacOS/${name}`,
      );
      return ['/', process.env['HOME'] ?? '/'].flatMap((root) => programs.map((program) => join(root, program)));
    }
    case 'win32': {
      const roots = ['ProgramFiles', 'ProgramFiles(x86)', 'LOCALAPPDATA'].flatMap((name) => process.env[name] ?? []);
      const programs = ['Google\\Chrome\\Application\\chrome.exe', 'Microsoft\\Edge\\Application\\msedge.exe'];
      return roots.flatMap((root) => programs.map((program) => join(root, program)));
    }
    default:
      return ['/opt/google/chrome/chrome', '/usr/lib/chromium/chromium', '/snap/bin/chromium'];
  }
}

function downloadedByPlaywright(): string | undefined {
  const path = chromium.executablePath();
  return path !== '' && existsSync(path) ? path : undefined;
}

function installOnDebian(): string {
  if (!existsSync('/etc/debian_version') || process.getuid?.() !== 0) {
    throw new AppError('unavailable', `No Chromium-family browser found. ${WHAT_TO_DO}`);
  }
  process.stderr.write('No browser found; installing Chromium (apt-get install -y chromium) …\n');
  const run = (...args: string[]): unknown =>
    execFileSync('apt-get', args, {
      stdio: ['ignore', 2, 2],
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    });
  try {
    run('update', '-qq');
    run('install', '-y', '-qq', '--no-install-recommends', 'chromium');
  } catch (cause) {
    throw new AppError('unavailable', `Chromium could not be installed. ${WHAT_TO_DO}`, { cause });
  }
  const installed = onPath();
  if (installed === undefined) throw new AppError('unavailable', `Chromium could not be installed. ${WHAT_TO_DO}`);
  return installed;
}
