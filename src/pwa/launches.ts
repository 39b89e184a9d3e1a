/** Shortcuts of the installed app. `focus-existing` brings its one window to the front; this says what to show there. */

/** Chromium's queue of launches; not in lib.dom. */
interface LaunchQueue {
  setConsumer(consumer: (launch: { readonly targetURL?: string }) => void): void;
}

/** Ids of the elements that `?view=` names in the manifest's shortcuts. */
const VIEWS: Readonly<Record<string, string>> = { wish: 'field-prompt', results: 'results' };

export function showLaunches(page: Window): void {
  show(page.location.href);
  const { launchQueue } = page as { readonly launchQueue?: LaunchQueue };
  launchQueue?.setConsumer(({ targetURL }) => {
    if (targetURL !== undefined) show(targetURL);
  });

  function show(address: string): void {
    const id = VIEWS[new URL(address).searchParams.get('view') ?? ''];
    if (id !== undefined) page.document.getElementById(id)?.focus();
  }
}
