import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import type { App } from '../app/create-app.ts';
import type { ModelListing } from '../domain/models.ts';
import { AddModel } from './add-model.tsx';
import { Alert } from './alert.tsx';
import { ModelActions } from './model-actions.tsx';

/** Models here and in the catalogue; nothing is asked for before it is opened. */
export function ModelsPanel({ app }: { app: App }) {
  const { messages, models } = app;
  const open = useSignal(window.location.hash === '#models');
  useEffect(() => {
    const onHash = (): void => {
      if (window.location.hash === '#models') open.value = true;
    };
    window.addEventListener('hashchange', onHash);
    return () => window.removeEventListener('hashchange', onHash);
  }, [open]);
  useEffect(() => {
    if (open.value) void models.refresh();
  }, [models, open, open.value]);
  const list = models.list.value;
  const error = models.errors.value.get('');
  return (
    <section id="models" class="models" aria-labelledby="models-heading">
      <details
        class="panel"
        open={open.value}
        onToggle={(event) => {
          open.value = event.currentTarget.open;
        }}
      >
        <summary>
          <h2 id="models-heading">{messages.models.heading}</h2>
        </summary>
        <p class="hint">{messages.models.hint}</p>
        {list === null && error === undefined && (
          <p class="hint" role="status">
            {messages.models.looking}
          </p>
        )}
        {list?.map((model) => (
          <ModelEntry key={model.id} app={app} model={model} />
        ))}
        {error !== undefined && <Alert error={error} messages={messages} />}
        <AddModel app={app} />
        <Persistence app={app} />
      </details>
    </section>
  );
}

function ModelEntry({ app, model }: { app: App; model: ModelListing }) {
  const { messages, models, status } = app;
  const work = models.work.value.get(model.id);
  const error = models.errors.value.get(model.id);
  const report = models.reports.value.get(model.id);
  const inUse = status.bundle.value === model.id && status.manifest.value !== null;
  const fit = messages.models.fits[models.fit(model)];
  return (
    <article class="field model" data-state={model.state} aria-label={model.title}>
      <div class="row heading">
        <h3>{model.title}</h3>
        <p class="label">
          {inUse && model.state === 'installed' ? messages.models.inUse : messages.models.states[model.state]}
        </p>
      </div>
      <p class="hint">
        <Licence app={app} model={model} /> ·{' '}
        {messages.models.sizes(model.downloadBytes, model.diskBytes, model.memoryBytes)}. {fit}
      </p>
      {work !== undefined && (
        <div>
          <progress
            aria-label={model.title}
            value={work.progress.verifiedBytes}
            max={Math.max(1, work.progress.totalBytes)}
          />
          <p class="hint" role="status">
            {!work.here && `${messages.models.elsewhere} `}
            {messages.models.progress(work.progress.verifiedBytes, work.progress.totalBytes)}
            {work.progress.timeLeftMs !== null &&
              work.progress.timeLeftMs > 0 &&
              `, ${messages.models.timeLeft(work.progress.timeLeftMs)}`}
          </p>
          {work.progress.wholeFilesOnly && <p class="notice">{messages.models.wholeFilesOnly}</p>}
        </div>
      )}
      {error !== undefined && <Alert error={error} messages={messages} />}
      {report !== undefined && (
        <p class="notice" role="status">
          {messages.models.verified(report.checkedChunks, report.repairedChunks)}
        </p>
      )}
      <ModelActions app={app} model={model} work={work} inUse={inUse} />
    </article>
  );
}

function Licence({ app, model: { licence } }: { app: App; model: ModelListing }) {
  const words = app.messages.models.licence(licence.name, licence.commercialUse);
  if (licence.url === null) return <>{words}</>;
  return (
    <a href={licence.url} rel="noreferrer" target="_blank">
      {words}
    </a>
  );
}

function Persistence({ app: { messages, models } }: { app: App }) {
  const persisted = models.persisted.value;
  return (
    <div class="row wrap">
      {persisted !== true && (
        <button type="button" class="secondary" onClick={() => void models.keep()}>
          {messages.models.keep}
        </button>
      )}
      {persisted !== null && (
        <p class="hint" role="status">
          {persisted ? messages.models.kept : messages.models.notPromised}
        </p>
      )}
    </div>
  );
}
