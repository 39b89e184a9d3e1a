import { Worker } from 'node:worker_threads';
import type { WorkerLike } from '../../src/engine/worker-client.ts';

export interface ThreadData {
  /** Bundle folders by model id. */
  readonly folders: Readonly<Record<string, string>>;
  /** CPU cores that the largest budget may use; default all. */
  readonly cores?: number | undefined;
}

/** A Node thread as the local engine knows its workers: DOM events instead of Node's. */
export function spawnThread(data: ThreadData): WorkerLike {
  const worker = new Worker(new URL('start-thread.js', import.meta.url), { workerData: data, execArgv: [] });
  const events = new EventTarget();
  const tellEnd = (message: string): void => {
    events.dispatchEvent(Object.assign(new Event('error'), { message }));
  };
  worker.on('message', (message) => events.dispatchEvent(new MessageEvent('message', { data: message as unknown })));
  worker.on('messageerror', () => events.dispatchEvent(new Event('messageerror')));
  worker.on('error', (error) => tellEnd(error instanceof Error ? error.message : String(error)));
  worker.on('exit', (code) => tellEnd(`it ended with code ${code}`));
  return {
    postMessage: (message: unknown, transfer?: Transferable[]) =>
      worker.postMessage(message, transfer as unknown as Parameters<Worker['postMessage']>[1]),
    addEventListener: (type, listener) => events.addEventListener(type, listener),
    removeEventListener: (type, listener) => events.removeEventListener(type, listener),
    terminate: () => void worker.terminate(),
  };
}
