import type { App } from '../app/create-app.ts';
import { failureOf, type ResultPicture, type Series } from '../app/series.ts';
import type { TaskProgress, TaskState } from '../domain/task.ts';
import type { Messages } from '../i18n/en.ts';
import { Alert } from './alert.tsx';
import { Preview } from './preview.tsx';

/** Series of pictures, newest first; the running one shows how it comes into being. */
export function ResultsPanel({ app }: { app: App }) {
  const { messages, series, actions } = app;
  const list = series.list.value;
  const note = app.status.manifest.value?.note;
  return (
    <section id="results" class="results" aria-labelledby="results-heading" tabIndex={-1}>
      <div class="row heading">
        <h2 id="results-heading">{messages.results.heading}</h2>
        {series.busy.value && list.length > 1 && (
          <button type="button" class="quiet" onClick={() => actions['cancel-all'].run()}>
            {actions['cancel-all'].label}
          </button>
        )}
        {!series.busy.value && list.length > 0 && (
          <button type="button" class="quiet" onClick={() => actions['clear-results'].run()}>
            {actions['clear-results'].label}
          </button>
        )}
      </div>
      <p class="visually-hidden" aria-live="polite">
        {announcement(app)}
      </p>
      {note !== undefined && <p class="hint">{note}</p>}
      {series.keeping.value !== null && <Alert error={series.keeping.value} messages={messages} />}
      {list.length > 0 && <p class="hint">{messages.results.keptHere}</p>}
      {list.length === 0 && (
        <div class="empty">
          <p>{messages.results.empty}</p>
          <p class="hint">{messages.results.emptyMore}</p>
        </div>
      )}
      {list.map((entry) => (
        <SeriesView key={entry.id} app={app} series={entry} />
      ))}
    </section>
  );
}

/** For those who listen: the stage while something runs, then how much is ready. */
function announcement({ messages, series }: App): string {
  const state = series.running.value?.state.value;
  if (state?.status === 'running') return messages.stages[state.progress.stage];
  const ready = series.list.value[0]?.pictures.value.length ?? 0;
  return ready > 0 && !series.busy.value ? messages.results.finished(ready) : '';
}

function SeriesView({ app, series }: { app: App; series: Series }) {
  const { messages } = app;
  const state = series.state.value;
  const failure = failureOf(state);
  const pending = state.status === 'running' || state.status === 'queued';
  const pictures = series.pictures.value;
  return (
    <article class="series" data-status={state.status} aria-label={series.request.prompt}>
      <div class="row heading">
        <h3>{series.request.prompt}</h3>
        {pending ? (
          <button type="button" class="secondary" onClick={() => void app.series.cancel(series.id)}>
            {messages.results.cancel}
          </button>
        ) : (
          <button type="button" class="quiet" onClick={() => app.series.remove(series.id)}>
            {messages.results.remove}
          </button>
        )}
      </div>
      {state.status === 'queued' && <Waiting app={app} id={series.id} state={state} />}
      {state.status === 'running' && <Running messages={messages} progress={state.progress} />}
      {state.status === 'cancelled' && <p class="hint">{messages.results.cancelled}</p>}
      {failure !== null && (
        <Alert error={failure} messages={messages}>
          <button type="button" onClick={() => void app.series.repeat(series.id)}>
            {messages.results.repeat}
          </button>
        </Alert>
      )}
      <ul class="grid">
        {pictures.map((picture) => (
          <PictureCard key={picture.index} app={app} series={series} picture={picture} />
        ))}
        {pending && <DrawingCard messages={messages} series={series} />}
      </ul>
      <Remarks messages={messages} series={series} />
    </article>
  );
}

function Waiting({ app, id, state }: { app: App; id: string; state: TaskState & { status: 'queued' } }) {
  const { results } = app.messages;
  const { position, etaMs } = state;
  const left = etaMs == null ? [] : [results.timeLeft(etaMs)];
  return (
    <p class="row">
      <span class="hint">{[results.queued(position), ...left].join(' · ')}</span>
      {position > 0 && (
        <button type="button" class="quiet" onClick={() => void app.series.drawNext(id)}>
          {results.drawNext}
        </button>
      )}
    </p>
  );
}

function Running({ messages, progress }: { messages: Messages; progress: TaskProgress }) {
  const { stage, image, images, step, steps, etaMs } = progress;
  const parts = [messages.stages[stage]];
  if (images > 1) parts.push(messages.results.picture(image, images));
  if (stage === 'denoise') parts.push(messages.results.step(step, steps));
  return (
    <div class="running">
      <progress value={progress.progress} max={1} aria-label={messages.stages[stage]} />
      <p class="row">
        <span>{messages.stages[stage]}</span>
        <span class="hint">
          {[...parts.slice(1), ...(etaMs === null ? [] : [messages.results.timeLeft(etaMs)])].join(' · ')}
        </span>
      </p>
    </div>
  );
}

function PictureCard({ app, series, picture }: { app: App; series: Series; picture: ResultPicture }) {
  const { messages, form, status } = app;
  const { prompt, width, height } = series.request;
  const label = status.manifest.value?.resultLabel;
  const alt = messages.results.alt(prompt, picture.index);
  return (
    <li class="card">
      <a href={picture.url} target="_blank" rel="noreferrer">
        <img src={picture.url} alt={alt} width={width} height={height} />
      </a>
      <div class="caption">
        <span class="likeness" title={messages.results.likenessHelp}>
          {picture.likeness === null ? messages.results.noFaceInResult : messages.results.likeness(picture.likeness)}
        </span>
        {label !== undefined && <span class="label">{label}</span>}
        <button
          type="button"
          class="quiet"
          title={messages.results.useSeed}
          aria-label={`${messages.results.useSeed}: ${picture.seed}`}
          onClick={() => {
            form.values.seed.value = String(picture.seed);
            document.getElementById('field-seed')?.focus(); // so that one sees where it went
          }}
        >
          {messages.results.seed(picture.seed)}
        </button>
        <a
          class="quiet"
          href={picture.url}
          download={picture.fileName}
          aria-label={`${messages.results.download}: ${alt}`}
        >
          {messages.results.download}
        </a>
      </div>
    </li>
  );
}

/** The picture that is being drawn. */
function DrawingCard({ messages, series }: { messages: Messages; series: Series }) {
  const { width, height } = series.request;
  const preview = series.preview.value;
  return (
    <li class="card drawing">
      <div class="canvas" style={{ aspectRatio: `${width} / ${height}` }}>
        {preview !== null && <Preview pixels={preview.pixels} label={messages.results.preview} />}
      </div>
    </li>
  );
}

function Remarks({ messages, series }: { messages: Messages; series: Series }) {
  const remarks = [...new Set(series.adjustments.value.map((adjustment) => messages.adjustment(adjustment)))];
  const time = series.runtimeMs.value;
  return (
    <>
      {time !== null && (
        <p class="hint">
          {messages.results.finished(series.pictures.value.length)} {messages.results.took(time)}
        </p>
      )}
      {remarks.length > 0 && (
        <ul class="remarks">
          {remarks.map((remark) => (
            <li key={remark}>{remark}</li>
          ))}
        </ul>
      )}
    </>
  );
}
