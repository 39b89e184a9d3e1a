import process from 'node:process';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { browserFlags } from '../../../cli/browser-flags.ts';
import { findBrowser } from '../../../cli/find-browser.ts';

afterEach(() => void vi.unstubAllEnvs());

describe('findBrowser', () => {
  it('takes CHROME_PATH first', () => {
    vi.stubEnv('CHROME_PATH', process.execPath);
    expect(findBrowser()).toBe(process.execPath);
  });

  it('says what to do when CHROME_PATH does not exist', () => {
    vi.stubEnv('CHROME_PATH', '/nowhere/chrome');
    expect(() => findBrowser()).toThrow(/CHROME_PATH is \/nowhere\/chrome.*Install/);
  });
});

describe('browserFlags', () => {
  it('asks for the software adapter only when wanted', () => {
    expect(browserFlags()).not.toContain('--enable-unsafe-webgpu');
    expect(browserFlags({ softwareWebgpu: true })).toContain('--use-webgpu-adapter=swiftshader');
  });

  it('gives up the sandbox only where it cannot start', () => {
    vi.spyOn(process, 'getuid').mockReturnValue(1000);
    vi.stubEnv('CI', '');
    expect(browserFlags()).not.toContain('--no-sandbox');
    vi.stubEnv('CI', 'true');
    expect(browserFlags()).toContain('--no-sandbox');
  });
});
