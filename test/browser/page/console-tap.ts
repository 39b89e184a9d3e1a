/**
 * The engine keeps the console's functions that it finds when it loads, so they are replaced here, before it does: import
 * this first.
 */
let heard: string[] | null = null;

for (const method of ['log', 'info', 'debug', 'warn', 'error'] as const) {
  const original = console[method].bind(console);
  console[method] = (...parts: unknown[]) => {
    if (heard === null) original(...parts);
    else heard.push(parts.map(String).join(' '));
  };
}

/** What is written to this worker's console meanwhile, kept from it. */
export async function listen(work: () => Promise<void>): Promise<string[]> {
  const lines: string[] = [];
  heard = lines;
  try {
    await work();
  } finally {
    heard = null;
  }
  return lines;
}
