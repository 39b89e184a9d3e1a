import type { Count, CountRequest } from './count.worker.ts';

declare global {
  interface Window {
    countDispatches(request: CountRequest): Promise<Count>;
  }
}

/** Every count has a worker of its own, and so an engine and a device of its own. */
window.countDispatches = (request) =>
  new Promise((resolve, reject) => {
    const worker = new Worker(new URL('./count.worker.ts', import.meta.url), { type: 'module' });
    worker.onerror = (event) => reject(new Error(event.message));
    worker.onmessage = ({ data }: MessageEvent<Count | { error: string }>) => {
      worker.terminate();
      if ('error' in data) reject(new Error(data.error));
      else resolve(data);
    };
    worker.postMessage(request);
  });
