/**
 * `npx tsx test/bench/traced-denoiser.ts FOLDER [--rounds N] [--no-browser]`: the built denoiser against the same one
 * traced by torch.onnx, FOLDER being what trace_denoiser.py has written: WebGPU dispatches and wasm time per step, as
 * JSON on standard output. Fails where the graphs do not give the same numbers.
 */
import { parseArgs } from 'node:util';
import { countDispatches } from './count-dispatches.ts';
import { denoiserGraphs } from './denoiser-graphs.ts';
import { timeOnWasm } from './time-on-wasm.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { rounds: { type: 'string', default: '60' }, 'no-browser': { type: 'boolean', default: false } },
});
const [folder] = positionals;
if (folder === undefined) throw new Error('Name the folder that trace_denoiser.py has written.');

const TOLERANCE = 1e-4;
const graphs = await denoiserGraphs(folder);
const wasm = await timeOnWasm(graphs, Number(values.rounds));
const expected = wasm.plain.output;
const largest = Math.max(...expected.map(Math.abs));
const difference = (output: readonly number[]): number => {
  const worst = Math.max(...expected.map((value, i) => Math.abs(value - output[i]!))) / largest;
  if (!(worst < TOLERANCE)) throw new Error(`The graphs differ by ${worst} of the largest value.`);
  return worst;
};
const steps = values['no-browser'] ? [] : await countDispatches(graphs, ['NCHW', 'NHWC']);
const built = steps.find(({ name, layout }) => name === 'built' && layout === 'NCHW');
console.log(
  JSON.stringify(
    {
      wasm: graphs.map(({ name }) => {
        const { ms, toFirst, output } = wasm[name];
        return { name, cpuMs: ms, toBuilt: toFirst, difference: difference(output) };
      }),
      webgpu: steps.map(({ name, layout, dispatches, output }) => {
        return { name, layout, dispatches, toBuilt: dispatches / built!.dispatches, difference: difference(output) };
      }),
    },
    null,
    2,
  ),
);
