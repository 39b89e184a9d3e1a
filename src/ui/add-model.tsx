import { useSignal } from '@preact/signals';
import type { App } from '../app/create-app.ts';

/** Models that no catalogue lists: from files, or from an address. */
export function AddModel({ app }: { app: App }) {
  const { messages, models } = app;
  const words = messages.models;
  const address = useSignal('');
  return (
    <details>
      <summary>{words.add}</summary>
      <div class="pair">
        <div class="field">
          <label for="add-folder">{words.addFolder}</label>
          <input
            id="add-folder"
            type="file"
            multiple
            ref={(input) => {
              // Neither JSX nor the DOM's types know the attribute; all browsers do.
              input?.setAttribute('webkitdirectory', '');
            }}
            onChange={(event) => void models.importFiles([...(event.currentTarget.files ?? [])])}
          />
        </div>
        <div class="field">
          <label for="add-zip">{words.addZip}</label>
          <input
            id="add-zip"
            type="file"
            accept=".zip,application/zip"
            onChange={(event) => void models.importFiles([...(event.currentTarget.files ?? [])])}
          />
        </div>
      </div>
      <form
        class="field"
        onSubmit={(event) => {
          event.preventDefault();
          void models.install({ url: address.value });
        }}
      >
        <label for="add-url">{words.addUrl}</label>
        <div class="row">
          <input
            id="add-url"
            type="url"
            placeholder="https://"
            value={address.value}
            onInput={(event) => (address.value = event.currentTarget.value)}
          />
          <button type="submit" class="secondary">
            {words.addFromUrl}
          </button>
        </div>
      </form>
    </details>
  );
}
