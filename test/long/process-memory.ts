/** Memory of a browser's processes as Linux tells it: PSS, in which shared pages count in parts. */
import { readdir, readFile } from 'node:fs/promises';

export interface BrowserMemory {
  /** Bytes of all processes but the GPU's. */
  readonly browserAndRenderers: number;
  readonly gpu: number;
}

interface ProcessEntry {
  readonly pid: number;
  readonly parent: number;
  readonly command: string;
}

async function processes(): Promise<readonly ProcessEntry[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const entries = await Promise.all(
    pids.map(async (pid) => {
      const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => null);
      const command = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
      // The name, in brackets, may contain spaces.
      const parent = stat === null ? 0 : Number(stat.slice(stat.lastIndexOf(')') + 4).split(' ')[0]);
      return { pid: Number(pid), parent, command };
    }),
  );
  return entries;
}

/** The browser on that profile with all its descendants. */
async function family(profile: string): Promise<readonly ProcessEntry[]> {
  const all = await processes();
  const found = all.filter(({ command }) => command.includes(profile) && !command.includes('--type='));
  const pids = new Set(found.map(({ pid }) => pid));
  for (let before = -1; before !== pids.size;) {
    before = pids.size;
    for (const { pid, parent } of all) if (pids.has(parent)) pids.add(pid);
  }
  return all.filter(({ pid }) => pids.has(pid));
}

export async function browserMemory(profile: string): Promise<BrowserMemory> {
  let gpu = 0;
  let browserAndRenderers = 0;
  for (const { pid, command } of await family(profile)) {
    const rollup = await readFile(`/proc/${pid}/smaps_rollup`, 'utf8').catch(() => '');
    const bytes = Number(/^Pss:\s+(\d+) kB/m.exec(rollup)?.[1] ?? 0) * 1024;
    if (command.includes('--type=gpu-process')) gpu += bytes;
    else browserAndRenderers += bytes;
  }
  return { browserAndRenderers, gpu };
}

/** Samples while `work` runs; the largest of each. */
export async function peakMemory<T>(
  profile: string,
  work: () => Promise<T>,
): Promise<{ readonly value: T; readonly peak: BrowserMemory }> {
  let peak: BrowserMemory = await browserMemory(profile);
  const running = { yes: true };
  const sampling = (async () => {
    while (running.yes) {
      const now = await browserMemory(profile);
      peak = {
        browserAndRenderers: Math.max(peak.browserAndRenderers, now.browserAndRenderers),
        gpu: Math.max(peak.gpu, now.gpu),
      };
      await new Promise((resolve) => setTimeout(resolve, 30));
    }
  })();
  try {
    return { value: await work(), peak };
  } finally {
    running.yes = false;
    await sampling;
  }
}
