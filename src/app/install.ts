import { signal, type ReadonlySignal } from '@preact/signals';

/** How an app is installed where the browser offers no button: by its own menu. */
export type InstallHint = 'ios' | 'mac-safari' | 'firefox-android';

/** The port that `pwa` implements. */
export interface Installer {
  /** Called with true when the browser can install the app, with false when it no longer can. */
  onOffer(listener: (offered: boolean) => void): void;
  /** Shows the browser's own question. */
  ask(): Promise<void>;
  readonly hint: InstallHint | null;
}

export interface InstallModel {
  readonly offered: ReadonlySignal<boolean>;
  readonly hint: InstallHint | null;
  install(): void;
}

export function createInstall(installer: Installer): InstallModel {
  const offered = signal(false);
  installer.onOffer((now) => (offered.value = now));
  return { offered, hint: installer.hint, install: () => void installer.ask() };
}
