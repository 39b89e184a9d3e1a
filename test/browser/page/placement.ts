/** Where onnxruntime puts the nodes of a graph, in its own words. */
import type { Role } from '../../../src/domain/ports.ts';
import { buildNetwork, type GraphNetworkSpec } from '../../../src/networks/build-network.ts';
import { Graph, type BuiltGraph, type ComputeType } from '../../../src/networks/graph.ts';
import type { InputDims } from '../../../src/networks/input-dims.ts';
import type { Backend } from '../../../src/runtime/open-backend.ts';
import { listen } from './console-tap.ts';
import { filesIn, openServedBundle, type Folder } from './served-bundle.ts';

export interface Placement {
  /** How many nodes the session's log has on the WebGPU provider, copies to and from the CPU among them. */
  readonly gpuNodes: number;
  /** The operators that it has on any other provider. */
  readonly otherNodes: readonly string[];
  /** What creating the session says when nodes on the CPU are forbidden; null: nothing, for none is there. */
  readonly refusal: string | null;
}

/** One role of a served bundle; the session is created, not run, so half precision needs no adapter that has it. */
export async function placementOf(
  backend: Backend,
  role: Role,
  dims: InputDims,
  folder: Folder,
  compute: ComputeType,
): Promise<Placement> {
  const bundle = await openServedBundle(filesIn(folder));
  const spec = bundle.manifest.networks[role] as GraphNetworkSpec;
  const built = buildNetwork(role, spec, bundle.tensors[role] ?? {}, dims, compute);
  const files = await Promise.all(
    built.weightFiles.map(async (path) => ({ path, data: await bundle.files.read(path) })),
  );
  return place(backend, built, files);
}

/** A graph with an operator that has no WebGPU kernel: what the log says then. */
export function placementOfCpuOperator(backend: Backend): Promise<Placement> {
  const graph = new Graph('control', {}, 'float32');
  const x = graph.input('x', [2, 2], 'float32');
  graph.output('y', graph.node('Det', [graph.relu(x)], []));
  return place(backend, graph.finish(), []);
}

async function place(
  { ort, gate, sessionOptions }: Backend,
  { model }: BuiltGraph,
  externalData: readonly { readonly path: string; readonly data: Uint8Array }[],
): Promise<Placement> {
  const create = async (session: Record<string, string>): Promise<{ lines: string[]; error: string | null }> => {
    const extra = { session: { ...(sessionOptions.extra?.['session'] as Record<string, string>), ...session } };
    const options = { ...sessionOptions, externalData, extra, logSeverityLevel: 0 as const };
    let error: string | null = null;
    const lines = await listen(async () => {
      try {
        await gate.enter(async () => (await ort.InferenceSession.create(model, options)).release());
      } catch (cause) {
        error = String(cause);
      }
    });
    return { lines, error };
  };
  const { lines } = await create({});
  const { error } = await create({ disable_cpu_ep_fallback: '1' });
  return { ...readLog(lines), refusal: error };
}

/**
 * The lines are "All nodes placed on [provider]. Number of nodes: n", or for each provider "Node(s) placed on [provider].
 * Number of nodes: n" and its nodes, "operator (name)".
 */
function readLog(lines: readonly string[]): Omit<Placement, 'refusal'> {
  const otherNodes: string[] = [];
  let gpuNodes = 0;
  let provider = '';
  for (const line of lines) {
    const [, text = ''] = line.split('VerifyEachNodeIsAssignedToAnEp] ');
    const [, name, count] = /placed on \[(\w+)\]\. Number of nodes: (\d+)/.exec(text) ?? [];
    if (name !== undefined) provider = name;
    if (name === 'WebGpuExecutionProvider') gpuNodes += Number(count);
    const [, operator] = /^ +(\w+) \(.*\)$/.exec(text) ?? [];
    if (operator !== undefined && provider !== 'WebGpuExecutionProvider') otherNodes.push(operator);
  }
  return { gpuNodes, otherNodes };
}
