import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { actionForKey } from '../app/actions.ts';
import type { App } from '../app/create-app.ts';
import { EngineFooter } from './engine-footer.tsx';
import { FacePanel } from './face-panel.tsx';
import { ModelsPanel } from './models-panel.tsx';
import { ResultsPanel } from './results-panel.tsx';
import { revealOutcome } from './reveal-outcome.ts';
import { UpdatePrompt } from './update-prompt.tsx';
import { WishPanel } from './wish-panel.tsx';

export function Page({ app }: { app: App }) {
  const { messages } = app;
  const dropping = useSignal(false);
  useEffect(() => listenForKeys(app), [app]);
  useEffect(() => listenForPictures(app, (over) => (dropping.value = over)), [app, dropping]);
  return (
    <>
      <header class="top">
        <h1>{messages.appName}</h1>
        <p>{messages.tagline}</p>
        <p class="badge">{messages.privacy}</p>
      </header>
      <main>
        <div class="controls">
          <FacePanel app={app} />
          <WishPanel app={app} />
        </div>
        <ResultsPanel app={app} />
      </main>
      <ModelsPanel app={app} />
      <EngineFooter app={app} />
      <UpdatePrompt app={app} />
      {dropping.value && <div class="drop-cover">{messages.face.dropNow}</div>}
    </>
  );
}

function listenForKeys(app: App): () => void {
  const onKey = (event: KeyboardEvent): void => {
    const action = actionForKey(app.actions, event);
    if (action === null) return;
    event.preventDefault();
    action.run();
    if (action.id === 'generate') revealOutcome();
  };
  document.addEventListener('keydown', onKey);
  return () => document.removeEventListener('keydown', onKey);
}

/** A picture may be dropped or pasted anywhere on the page. */
function listenForPictures(app: App, setOver: (over: boolean) => void): () => void {
  const abort = new AbortController();
  const { signal } = abort;
  const carriesFiles = (event: DragEvent): boolean => event.dataTransfer?.types.includes('Files') === true;
  document.addEventListener(
    'dragover',
    (event) => {
      if (!carriesFiles(event)) return;
      event.preventDefault();
      setOver(true);
    },
    { signal },
  );
  document.addEventListener('dragleave', (event) => event.relatedTarget === null && setOver(false), { signal });
  document.addEventListener(
    'drop',
    (event) => {
      setOver(false);
      if (!carriesFiles(event)) return;
      event.preventDefault();
      openFirst(app, event.dataTransfer?.files);
    },
    { signal },
  );
  document.addEventListener(
    'paste',
    (event) => {
      const files = event.clipboardData?.files;
      if (files === undefined || files.length === 0) return; // text goes where the caret is
      event.preventDefault();
      openFirst(app, files);
    },
    { signal },
  );
  return () => abort.abort();
}

function openFirst(app: App, files: FileList | undefined): void {
  const file = files?.[0];
  if (file !== undefined) void app.reference.open({ kind: 'blob', blob: file });
}
