import { defineConfig } from 'vite';
import { serviceWorkerPlugin } from './cli/service-worker-plugin.ts';

/**
 * Cross-origin isolation gives the wasm backend its threads. `credentialless` rather than `require-corp`: under the
 * latter a page cannot tell a server that forbids reading (CORS) from one that does not answer. Browsers that know
 * only `require-corp` are not isolated and compute with one thread.
 */
export const ISOLATION_HEADERS = {
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'credentialless',
};

export default defineConfig({
  base: './',
  // light-dark() and nesting as they are: browsers that compute here know them.
  build: { target: 'es2022', cssTarget: ['chrome123', 'firefox121', 'safari17.5'], chunkSizeWarningLimit: 1024 },
  worker: { format: 'es' },
  plugins: [serviceWorkerPlugin()],
  optimizeDeps: { exclude: ['onnxruntime-web'] },
  server: { headers: ISOLATION_HEADERS },
  preview: { headers: ISOLATION_HEADERS },
});
