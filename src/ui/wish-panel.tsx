import type { App } from '../app/create-app.ts';
import { describe, Field, NumberField, SliderField } from './field.tsx';
import { MoreSettings } from './more-settings.tsx';
import { SizeField } from './size-field.tsx';

/** What the pictures should show, and how many. */
export function WishPanel({ app }: { app: App }) {
  const { messages, form } = app;
  const model = app.model.value;
  const scenes = form.prompts().length;
  return (
    <section class="panel" aria-labelledby="wish-heading">
      <h2 id="wish-heading">{messages.wish.heading}</h2>
      <Field app={app} field="prompt">
        <textarea
          {...describe(app, 'prompt')}
          rows={3}
          placeholder={messages.wish.placeholder}
          value={form.values.prompt.value}
          onInput={(event) => (form.values.prompt.value = event.currentTarget.value)}
        />
      </Field>
      <PromptRemarks app={app} scenes={scenes} />
      <Examples app={app} />
      <KnownWords app={app} />
      <Field app={app} field="negativePrompt">
        <input
          {...describe(app, 'negativePrompt')}
          type="text"
          value={form.values.negativePrompt.value}
          onInput={(event) => (form.values.negativePrompt.value = event.currentTarget.value)}
        />
      </Field>
      <SizeField app={app} />
      <div class="pair">
        <SliderField app={app} field="batch" usual={1} step={1} />
        <NumberField app={app} field="seed" />
      </div>
      {model !== null && <MoreSettings app={app} model={model} />}
      <GenerateBar app={app} pictures={Math.max(1, scenes) * Number(form.values.batch.value || 1)} />
    </section>
  );
}

function PromptRemarks({ app, scenes }: { app: App; scenes: number }) {
  const { messages, promptRemarks } = app;
  return (
    <div class="remarks" aria-live="polite">
      {scenes > 1 && <p>{messages.wish.scenes(scenes)}</p>}
      {promptRemarks.value.map((remark) => (
        <p key={remark.reason} class="notice">
          {messages.adjustment(remark)}
        </p>
      ))}
    </div>
  );
}

function Examples({ app }: { app: App }) {
  const { messages, form, status } = app;
  const examples = status.manifest.value?.text.examples ?? [];
  if (examples.length === 0) return null;
  return (
    <div class="chips" role="group" aria-label={messages.wish.examples}>
      {examples.map((example) => (
        <button
          key={example}
          type="button"
          class="chip"
          title={example}
          onClick={() => (form.values.prompt.value = example)}
        >
          {example}
        </button>
      ))}
    </div>
  );
}

function KnownWords({ app }: { app: App }) {
  const { messages, form, status } = app;
  const groups = Object.entries(status.manifest.value?.text.knownWords ?? {});
  if (groups.length === 0) return null;
  return (
    <details>
      <summary>{messages.wish.words}</summary>
      {groups.map(([group, words]) => (
        <div key={group} class="words">
          <h3>{group}</h3>
          <div class="chips">
            {words.map((word) => (
              <button key={word} type="button" class="chip" onClick={() => form.addToPrompt(word)}>
                {word}
              </button>
            ))}
          </div>
        </div>
      ))}
    </details>
  );
}

function GenerateBar({ app, pictures }: { app: App; pictures: number }) {
  const { messages, actions, form, status } = app;
  const { generate } = actions;
  const count = Number.isFinite(pictures) ? pictures : 1;
  const loading = status.loading.value;
  return (
    <div class="generate">
      {form.problems.value.size > 0 && (
        <p class="problem">
          {messages.errors('invalid-request', {}).title} {messages.errors('invalid-request', {}).advice}
        </p>
      )}
      <button
        type="button"
        class="primary"
        disabled={!generate.enabled.value}
        title={messages.wish.shortcut}
        aria-keyshortcuts="Control+Enter Meta+Enter"
        onClick={() => {
          generate.run();
          revealOutcome();
        }}
      >
        {count > 1 ? messages.wish.generateCount(count) : generate.label}
      </button>
      {loading !== null && (
        <p class="hint" role="status">
          {messages.engine.loading(loading.loaded, loading.total)}
        </p>
      )}
    </div>
  );
}

/** After pressing Generate: to the first entry that is not right, or, where results lie below, to them. */
function revealOutcome(): void {
  requestAnimationFrame(() => {
    const wrong = document.querySelector<HTMLElement>('[aria-invalid="true"]');
    if (wrong !== null) {
      wrong.closest('details')?.setAttribute('open', '');
      wrong.focus();
      return;
    }
    document.getElementById('results')?.scrollIntoView({ block: 'nearest', behavior: 'smooth' });
  });
}
