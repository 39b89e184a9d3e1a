import type { App } from '../app/create-app.ts';

/** Asks beside the work, never over it; what is being drawn is finished first. */
export function UpdatePrompt({ app: { messages, update, series } }: { app: App }) {
  const state = update.state.value;
  const losesPictures = series.keeping.value !== null && series.list.value.length > 0;
  return (
    <div role="status">
      {state !== 'none' && (
        <div class="update" data-update={state}>
          <p>
            {messages.update[state]} {losesPictures && messages.update.picturesGo}
          </p>
          <div class="row">
            {state !== 'agreed' && (
              <button type="button" class="secondary" onClick={() => update.agree()}>
                {messages.update.reload}
              </button>
            )}
            <button type="button" class="quiet" onClick={() => update.later()}>
              {messages.update.later}
            </button>
          </div>
        </div>
      )}
    </div>
  );
}
