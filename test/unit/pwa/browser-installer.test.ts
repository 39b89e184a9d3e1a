import { describe, expect, it } from 'vitest';
import { installHint } from '../../../src/pwa/browser-installer.ts';

const SAFARI = 'AppleWebKit/605.1.15 (KHTML, like Gecko)';

describe('how to install without a button', () => {
  it.each([
    ['ios', `Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) ${SAFARI} Version/26.0 Mobile/15E148 Safari/604.1`],
    ['mac-safari', `Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) ${SAFARI} Version/26.0 Safari/605.1.15`],
    ['firefox-android', 'Mozilla/5.0 (Android 15; Mobile; rv:145.0) Gecko/145.0 Firefox/145.0'],
    [null, 'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 Chrome/156.0.0.0 Safari/537.36'],
    [null, 'Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 Chrome/156.0.0.0 Mobile Safari/537.36'],
    [null, 'Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0'],
  ])('%s for %s', (hint, userAgent) => {
    expect(installHint(userAgent)).toBe(hint);
  });
});
