import { render } from 'preact';
import { browserSurroundings } from '../app/browser-surroundings.ts';
import { createApp } from '../app/create-app.ts';
import { browserInstaller } from '../pwa/browser-installer.ts';
import { webLockSign } from '../pwa/busy-sign.ts';
import { showLaunches } from '../pwa/launches.ts';
import { serviceWorkerShell } from '../pwa/service-worker-shell.ts';
import { Page } from './page.tsx';
import './styles/layout.css';
import './styles/controls.css';
import './styles/face.css';
import './styles/wish-and-results.css';
import './styles/offline.css';

// lib.dom declares both as always there; plain http and old browsers disagree.
const { serviceWorker, locks } = navigator as Partial<Navigator>;
const app = createApp({
  ...browserSurroundings(),
  // The development server's files change under the same names: nothing of them is kept.
  shell: serviceWorkerShell(import.meta.env.PROD ? (serviceWorker ?? null) : null),
  busySign: webLockSign(locks ?? null),
  installer: browserInstaller(window),
});
// What docs/sdk.md promises to scripts of the page.
Object.assign(window, { likeness: app.likeness });
render(<Page app={app} />, document.body);
app.start();
showLaunches(window);
