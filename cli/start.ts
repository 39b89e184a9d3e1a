/** `npm start [-- --port N]`: builds, serves on loopback, prints the address and opens it where there is a display. */
import { spawn } from 'node:child_process';
import { parseArgs } from 'node:util';
import { buildProduct } from './build-product.ts';
import { serveDist } from './serve-dist.ts';

const DEFAULT_PORT = 4173;

function hasDisplay(): boolean {
  if (process.platform === 'darwin' || process.platform === 'win32') return true;
  return Boolean(process.env.DISPLAY ?? process.env.WAYLAND_DISPLAY);
}

function openInBrowser(url: string): void {
  const command = process.platform === 'darwin' ? 'open' : process.platform === 'win32' ? 'cmd' : 'xdg-open';
  const args = process.platform === 'win32' ? ['/c', 'start', '', url] : [url];
  // Opening is a courtesy: without an opener the printed address is enough.
  spawn(command, args, { stdio: 'ignore', detached: true })
    .on('error', () => undefined)
    .unref();
}

const { values } = parseArgs({ options: { port: { type: 'string' } } });
const wanted = values.port === undefined ? DEFAULT_PORT : Number(values.port);
if (!Number.isInteger(wanted) || wanted < 0 || wanted > 65535) {
  console.error(`--port must be a whole number from 0 to 65535, got "${values.port ?? ''}".`);
  process.exit(2);
}
console.log('Building Likeness …');
await buildProduct();
const server = await serveDist('dist', wanted).catch((error: unknown) => {
  const taken = (error as NodeJS.ErrnoException).code === 'EADDRINUSE';
  if (!taken || values.port !== undefined) throw error;
  return serveDist('dist', 0);
});
console.log(`Likeness is open at ${server.url}  (Ctrl+C ends it)`);
if (hasDisplay()) openInBrowser(server.url);
