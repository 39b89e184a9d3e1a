import type { Installer, InstallHint } from '../app/install.ts';

/** Chromium's event; not in lib.dom. */
interface BeforeInstallPromptEvent extends Event {
  prompt(): Promise<{ readonly outcome: 'accepted' | 'dismissed' }>;
}

/** Must be made before the page has loaded: the browser offers itself once. */
export function browserInstaller(page: Window): Installer {
  let offer: BeforeInstallPromptEvent | null = null;
  let listener: (offered: boolean) => void = () => undefined;
  page.addEventListener('beforeinstallprompt', (event) => {
    event.preventDefault(); // the page shows its own button
    offer = event as BeforeInstallPromptEvent;
    listener(true);
  });
  page.addEventListener('appinstalled', () => {
    offer = null;
    listener(false);
  });
  return {
    onOffer: (asked) => (listener = asked),
    async ask() {
      const asked = offer;
      offer = null; // an offer can be used once; the browser makes another one
      listener(false);
      await asked?.prompt();
    },
    hint: page.matchMedia('(display-mode: standalone)').matches ? null : installHint(page.navigator.userAgent),
  };
}

/**
 * By the browser's name, since none of these says what it can do. iPadOS calls itself a Mac; its Safari's menu for
 * the Home Screen lies behind the same button, so the Mac's hint names it as well.
 */
export function installHint(userAgent: string): InstallHint | null {
  if (/iPhone|iPad|iPod/.test(userAgent)) return 'ios';
  if (/Android/.test(userAgent) && /Firefox\//.test(userAgent)) return 'firefox-android';
  if (/Macintosh/.test(userAgent) && /Version\/.*Safari\//.test(userAgent)) return 'mac-safari';
  return null;
}
