import type { App } from '../app/create-app.ts';

/** App, engine and model, each with what was found on this device; and how to install. */
export function OfflineStatusList({ app: { messages, offline, install } }: { app: App }) {
  const parts = ['app', 'engine', 'model'] as const;
  const version = offline.version.value;
  return (
    <section class="offline" aria-label={messages.offline.heading}>
      <strong>{messages.offline.heading}</strong>
      <dl>
        {parts.map((part) => (
          <div key={part} data-part={part} data-readiness={offline[part].value}>
            <dt>{messages.offline.parts[part]}</dt>
            <dd>{messages.offline.readiness[offline[part].value]}</dd>
          </div>
        ))}
      </dl>
      {version !== null && <span>{messages.offline.version(version)}</span>}
      {install.offered.value && (
        <button type="button" class="secondary" onClick={() => install.install()}>
          {messages.install.button}
        </button>
      )}
      {install.hint !== null && <p>{messages.install.hints[install.hint]}</p>}
    </section>
  );
}
