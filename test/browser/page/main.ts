import type { ScenarioCall, ScenarioReply } from './scenario.worker.ts';

declare global {
  interface Window {
    /**
     * Runs one scenario. Calls with equal options share a worker, so that a device is opened and tested once; `last`
     * ends the worker afterwards.
     */
    runScenario(call: ScenarioCall, last: boolean): Promise<ScenarioReply>;
  }
}

const workers = new Map<string, Worker>();

window.runScenario = (call, last) =>
  new Promise((resolve, reject) => {
    const key = JSON.stringify(call.options);
    const worker = workers.get(key) ?? startWorker(key);
    worker.onerror = (event) => reject(new Error(event.message));
    worker.onmessage = ({ data }: MessageEvent<ScenarioReply>) => {
      if (last) {
        worker.terminate();
        workers.delete(key);
      }
      resolve(data);
    };
    worker.postMessage(call);
  });

function startWorker(key: string): Worker {
  const worker = new Worker(new URL('./scenario.worker.ts', import.meta.url), { type: 'module' });
  workers.set(key, worker);
  return worker;
}
