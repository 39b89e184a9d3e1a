import { signal, type ReadonlySignal } from '@preact/signals';

/** A drawn person that comes with the app. */
export interface SampleFace {
  readonly id: string;
  readonly title: string;
  readonly url: string;
}

export interface SamplesModel {
  readonly list: ReadonlySignal<readonly SampleFace[]>;
  load(): Promise<void>;
}

/** `samples/samples.json` beside the page; without it the page simply offers none. */
export function createSamples(pageUrl: string): SamplesModel {
  const list = signal<readonly SampleFace[]>([]);
  const index = new URL('samples/samples.json', pageUrl);
  return {
    list,
    async load() {
      const response = await fetch(index).catch(() => null);
      if (response?.ok !== true) return;
      const json: unknown = await response.json().catch(() => null);
      const entries = Array.isArray(json) ? json : ((json as { samples?: unknown } | null)?.samples ?? []);
      if (!Array.isArray(entries)) return;
      list.value = entries.flatMap((entry: unknown) => readSample(entry, index));
    },
  };
}

function readSample(entry: unknown, index: URL): readonly SampleFace[] {
  const { id, file, title } = entry as { id?: unknown; file?: unknown; title?: unknown };
  if (typeof id !== 'string' || typeof file !== 'string' || typeof title !== 'string') return [];
  return [{ id, title, url: new URL(file, index).href }];
}
