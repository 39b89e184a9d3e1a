/** The model worker's composition root: installs, verifies and removes models beside the one that draws. */
import { expose } from 'comlink';
import { installErrorTransfer } from '../src/engine/error-transfer.ts';
import type { ModelApi } from '../src/engine/model-api.ts';
import { holdWorkerLock } from '../src/engine/worker-lock.ts';
import { ModelService } from '../src/model-store/model-service.ts';
import { browserStoreParts } from '../src/model-store/store-parts.ts';

const lock = holdWorkerLock();
let service: ModelService | null = null;

function ready(): ModelService {
  if (service === null) throw new Error('ready() has to be called first.');
  return service;
}

const api = {
  async ready({ catalogueUrl }) {
    const parts = browserStoreParts();
    service = new ModelService(parts, catalogueUrl);
    return { lock: await lock, holder: parts.holder };
  },
  list: async () => ready().list(),
  install: async (source) => ready().install(source),
  pause: async (id) => ready().pause(id),
  cancel: async (id) => ready().cancel(id),
  remove: async (id) => ready().remove(id),
  verify: async (id) => ready().verify(id),
  importFiles: async (files) => ready().importFiles(files),
  exportZip: async (id) => ready().exportZip(id),
} satisfies ModelApi;

installErrorTransfer();
expose(api);
