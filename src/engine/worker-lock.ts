/**
 * Takes a Web Lock until the worker ends, whatever ends it: the page waits for it (see worker-client.ts). The name is told
 * only once the lock is held, else the page might get it first and take the worker for dead. Null without Web Locks.
 */
export function holdWorkerLock(): Promise<string | null> {
  if (!('locks' in navigator)) return Promise.resolve(null);
  const name = `worker-${crypto.randomUUID()}`;
  return new Promise((held) => {
    const untilTheEnd = new Promise(() => undefined);
    void navigator.locks.request(name, () => {
      held(name);
      return untilTheEnd;
    });
  });
}
