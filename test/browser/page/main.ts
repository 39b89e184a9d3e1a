import type { ScenarioCall, ScenarioReply } from './scenario.worker.ts';

declare global {
  interface Window {
    /** Runs one scenario in a worker of its own, as the engine's state is per worker. */
    runScenario(call: ScenarioCall): Promise<ScenarioReply>;
  }
}

window.runScenario = (call) =>
  new Promise((resolve, reject) => {
    const worker = new Worker(new URL('./scenario.worker.ts', import.meta.url), { type: 'module' });
    worker.onerror = (event) => reject(new Error(event.message));
    worker.onmessage = ({ data }: MessageEvent<ScenarioReply>) => {
      worker.terminate();
      resolve(data);
    };
    worker.postMessage(call);
  });
