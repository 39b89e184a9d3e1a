import { useSignal } from '@preact/signals';
import type { App } from '../app/create-app.ts';
import type { ModelWork } from '../app/models.ts';
import type { ModelListing } from '../domain/models.ts';

interface ModelActionsProps {
  readonly app: App;
  readonly model: ModelListing;
  readonly work: ModelWork | undefined;
  readonly inUse: boolean;
}

/** What can be done with a model as it stands. */
export function ModelActions({ app, model, work, inUse }: ModelActionsProps) {
  const { messages, models } = app;
  const words = messages.models;
  const { id, state } = model;
  if (work !== undefined && !work.here) {
    return (
      <div class="row wrap">
        <Button key={words.takeOver} label={words.takeOver} run={() => models.takeOver(id)} />
      </div>
    );
  }
  if (work !== undefined) {
    return (
      <div class="row wrap">
        <Button key={words.pause} label={words.pause} run={() => models.pause(id)} />
        <Button key={words.cancel} label={words.cancel} run={() => models.cancel(id)} />
      </div>
    );
  }
  return (
    <div class="row wrap">
      {state === 'absent' && <Button key={words.install} label={words.install} run={() => models.install({ id })} />}
      {state === 'partial' && model.downloadable && (
        <Button key={words.resume} label={words.resume} run={() => models.install({ id })} />
      )}
      {state === 'installed' && !inUse && <Button key={words.use} label={words.use} run={() => app.useModel(id)} />}
      {(state === 'installed' || state === 'damaged') && (
        <Button key={words.verify} label={words.verify} run={() => models.verify(id)} />
      )}
      {state === 'installed' && <Export app={app} id={id} />}
      {state !== 'absent' && !inUse && <Button key={words.remove} label={words.remove} run={() => models.remove(id)} />}
    </div>
  );
}

/** Keyed by its label where it is used: another button in its place must not inherit what it waits for. */
function Button({ label, run }: { label: string; run: () => Promise<void> }) {
  const pending = useSignal(false);
  return (
    <button
      type="button"
      class="secondary"
      disabled={pending.value}
      onClick={() => {
        pending.value = true;
        void run().finally(() => (pending.value = false));
      }}
    >
      {label}
    </button>
  );
}

/** Made first, then saved by a link: a page may not start a download by itself. */
function Export({ app, id }: { app: App; id: string }) {
  const { messages, models } = app;
  const url = useSignal<string | null>(null);
  if (url.value !== null) {
    return (
      <a class="secondary" href={url.value} download={`${id}.zip`}>
        {messages.models.saveZip(id)}
      </a>
    );
  }
  return (
    <Button
      label={messages.models.exportZip}
      run={async () => {
        const zip = await models.exportZip(id);
        if (zip !== null) url.value = URL.createObjectURL(zip);
      }}
    />
  );
}
