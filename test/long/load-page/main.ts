import type { LoadCall } from './load.worker.ts';

declare global {
  interface Window {
    runLoad(call: LoadCall): Promise<unknown>;
  }
}

const worker = new Worker(new URL('./load.worker.ts', import.meta.url), { type: 'module' });

window.runLoad = (call) =>
  new Promise((resolve, reject) => {
    worker.onerror = (event) => reject(new Error(event.message));
    worker.onmessage = ({ data }: MessageEvent<{ value?: unknown; error?: string }>) =>
      data.error === undefined ? resolve(data.value) : reject(new Error(data.error));
    worker.postMessage(call);
  });
