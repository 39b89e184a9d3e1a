import { execFileSync } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';

/** Leaves what a long test measured in docs/measured/<name>.json, with commit and date. */
export async function leaveFigures(name: string, figures: Readonly<Record<string, unknown>>): Promise<void> {
  const commit = execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim();
  const date = new Date().toISOString().slice(0, 10);
  await mkdir('docs/measured', { recursive: true });
  await writeFile(`docs/measured/${name}.json`, `${JSON.stringify({ commit, date, ...figures }, null, 2)}\n`);
}
