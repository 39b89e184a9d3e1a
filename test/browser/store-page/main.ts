import type { StoreCall, StoreReply } from './store.worker.ts';

declare global {
  interface Window {
    /** Calls the page's one worker, which is started by the first call. */
    callStore(call: StoreCall): Promise<StoreReply>;
    /** Ends the worker whatever it does; calls in flight never come back. */
    endStore(): void;
  }
}

let worker: Worker | null = null;
let last = 0;

window.callStore = (call) =>
  new Promise((resolve, reject) => {
    worker ??= new Worker(new URL('./store.worker.ts', import.meta.url), { type: 'module' });
    const id = ++last;
    worker.addEventListener('error', (event) => reject(new Error(event.message)));
    worker.addEventListener('message', ({ data }: MessageEvent<{ id: number; reply: StoreReply }>) => {
      if (data.id === id) resolve(data.reply);
    });
    worker.postMessage({ id, call });
  });

window.endStore = () => {
  worker?.terminate();
  worker = null;
};
