import { defineConfig } from 'vite';
import { serviceWorkerPlugin } from './cli/service-worker-plugin.ts';
import { starterBundlePlugin } from './cli/starter-bundle.ts';
import { ISOLATION_HEADERS } from './src/pwa/isolation.ts';

export default defineConfig({
  base: './',
  // light-dark() and nesting as they are: browsers that compute here know them.
  build: { target: 'es2022', cssTarget: ['chrome123', 'firefox121', 'safari17.5'], chunkSizeWarningLimit: 1024 },
  worker: { format: 'es' },
  plugins: [starterBundlePlugin(), serviceWorkerPlugin()],
  optimizeDeps: { exclude: ['onnxruntime-web'] },
  server: { headers: ISOLATION_HEADERS },
  preview: { headers: ISOLATION_HEADERS },
});
