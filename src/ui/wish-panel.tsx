import type { App } from '../app/create-app.ts';
import { Alert } from './alert.tsx';
import { describe, Field, NumberField, SliderField } from './field.tsx';
import { MoreSettings } from './more-settings.tsx';
import { revealOutcome } from './reveal-outcome.ts';
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
  const vocabulary = status.manifest.value?.text.knownWords ?? {};
  const groups = Object.entries(vocabulary);
  if (groups.length === 0) return null;
  return (
    <details>
      <summary>{messages.wish.words}</summary>
      {groups.map(([group, words]) => (
        <div key={group} class="words">
          <h3>{group}</h3>
          <div class="chips">
            {words.map((word) => (
              <button key={word} type="button" class="chip" onClick={() => form.addToPrompt(word, vocabulary)}>
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
  const { messages, actions, form } = app;
  const { generate } = actions;
  const count = Number.isFinite(pictures) ? pictures : 1;
  return (
    <div class="generate">
      <ModelState app={app} />
      {form.problems.value.size > 0 && <p class="problem">{whatIsWrong(app)}</p>}
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
    </div>
  );
}

/** Why nothing can be generated yet: the model is on its way, or did not come. */
function ModelState({ app: { messages, status, turn } }: { app: App }) {
  if (turn.state.value === 'elsewhere') {
    return (
      <p class="alert" role="status">
        <strong>{messages.engine.elsewhere}</strong>{' '}
        <button type="button" onClick={() => turn.takeOver()}>
          {messages.engine.takeOver}
        </button>
      </p>
    );
  }
  if (status.heldBack.value) {
    return (
      <p class="alert" role="status">
        <strong>{messages.engine.heldBack}</strong>{' '}
        <button type="button" onClick={() => void status.start()}>
          {messages.engine.loadAnyway}
        </button>
      </p>
    );
  }
  const error = status.error.value;
  const loading = status.loading.value;
  if (error !== null) {
    return (
      <Alert error={error} messages={messages}>
        <button type="button" onClick={() => void status.start()}>
          {messages.retry}
        </button>
      </Alert>
    );
  }
  if (loading === null && status.manifest.value !== null) return null;
  return (
    <p class="hint" role="status">
      {loading === null ? messages.engine.starting : messages.engine.loading(loading.loaded, loading.total)}
    </p>
  );
}

/** The nearest thing to do; everything else that is not right is marked where it stands. */
function whatIsWrong({ messages, form }: App): string {
  if (form.problems.value.has('image')) return messages.wish.noFace;
  const { title, advice } = messages.errors('invalid-request', {});
  return `${title} ${advice}`;
}
