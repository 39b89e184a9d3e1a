import type { ModelBundle } from '../bundle/open-bundle.ts';
import { AppError } from '../domain/errors.ts';
import type { BackendInfo, Role, RunOptions, SessionRunner } from '../domain/ports.ts';
import { isHostTensor, type HostTensor, type Tensor } from '../domain/tensor.ts';
import type { buildNetwork } from '../networks/build-network.ts';
import type { BuiltGraph, ComputeType } from '../networks/graph.ts';
import type { InferenceGate } from './inference-gate.ts';
import { takeOver } from './device-tensors.ts';
import { fromOrtError } from './ort-errors.ts';
import type { OrtNamespace, OrtSession, OrtSessionOptions } from './ort-namespace.ts';
import { deviceHandle, toDeviceTensor, toHostTensor, toOrtTensor } from './ort-tensors.ts';
import { SessionCache, type LiveSession } from './session-cache.ts';
import { checkTensorRanges, loadWeights, totalBytes } from './weight-files.ts';

/** Makes the graph for exactly these input shapes; tests put their own in its place. */
export type NetworkBuilder = typeof buildNetwork;

export interface SessionRunnerSetup {
  readonly ort: OrtNamespace;
  readonly gate: InferenceGate;
  readonly bundle: ModelBundle;
  readonly backend: BackendInfo;
  readonly buildNetwork: NetworkBuilder;
  readonly compute: ComputeType;
  /** Everything but the external data. */
  readonly sessionOptions: OrtSessionOptions;
  /** How weights are handed over; see `loadWeights`. */
  readonly weights: 'blob' | 'bytes';
  /** Upper bound for resident weight bytes; null = none. One session may exceed it alone. */
  readonly weightLimit: number | null;
  /** Where outputs can be kept; null where everything is in ordinary memory. */
  readonly device: GPUDevice | null;
  /** Tells (once) an error that the device reported beside the calls, e.g. a failed buffer allocation. */
  readonly takeDeviceError?: () => AppError | null;
}

/** A runner that its maker has to close. */
export interface ClosableRunner extends SessionRunner {
  /** Releases every session. */
  close(): Promise<void>;
}

/** Runs one bundle's networks on one onnxruntime namespace. All work passes the gate, one call at a time. */
export class OrtSessionRunner implements ClosableRunner {
  readonly #setup: SessionRunnerSetup;
  readonly #sessions = new SessionCache();

  constructor(setup: SessionRunnerSetup) {
    this.#setup = setup;
  }

  get backend(): BackendInfo {
    return this.#setup.backend;
  }

  async run(
    role: Role,
    feeds: Readonly<Record<string, Tensor>>,
    options: RunOptions = {},
  ): Promise<Record<string, Tensor>> {
    return this.#setup.gate.enter(async () => {
      if (options.signal?.aborted) throw new AppError('cancelled', `${role}: cancelled before it ran.`);
      const live = this.#sessions.use(this.#key(role, feeds)) ?? (await this.#open(role, feeds));
      try {
        return await this.#runSession(live, feeds, options.keepOnDevice ?? []);
      } catch (error) {
        throw this.#setup.takeDeviceError?.() ?? fromOrtError(error, `${role}: run`);
      }
    });
  }

  async read(tensor: Tensor): Promise<HostTensor> {
    if (isHostTensor(tensor)) return tensor;
    const handle = deviceHandle(this.#setup.ort, tensor);
    return this.#setup.gate.enter(async () => {
      try {
        const host = await toHostTensor(handle);
        this.#throwDeviceError();
        return host;
      } catch (error) {
        throw this.#setup.takeDeviceError?.() ?? fromOrtError(error, 'Reading a tensor from the device');
      }
    });
  }

  dispose(tensor: Tensor): void {
    if (isHostTensor(tensor)) return;
    const handle = deviceHandle(this.#setup.ort, tensor);
    // Freeing enters the wasm module, so it waits its turn; after a fatal failure there is nothing left to free.
    this.#setup.gate.enter(() => handle.dispose()).catch(() => undefined);
  }

  async release(role: Role): Promise<void> {
    await this.#releaseAll(() => this.#sessions.ofRole(role));
  }

  async close(): Promise<void> {
    await this.#releaseAll(() => this.#sessions.all());
  }

  residentBytes(): number {
    return this.#sessions.weightBytes();
  }

  /** Built networks have one session per shape; an ONNX file has its own shapes and one session. */
  #key(role: Role, feeds: Readonly<Record<string, Tensor>>): string {
    if (this.#isOnnxFile(role)) return role;
    const shapes = Object.entries(feeds).map(([name, { dims }]) => `${name}:${dims.join('x')}`);
    return [role, ...shapes.sort()].join(' ');
  }

  #isOnnxFile(role: Role): boolean {
    const spec = this.#setup.bundle.manifest.networks[role];
    return spec !== undefined && 'onnx' in spec;
  }

  async #open(role: Role, feeds: Readonly<Record<string, Tensor>>): Promise<LiveSession> {
    const { bundle, weights, weightLimit } = this.#setup;
    const { model, weightFiles } = await this.#graph(role, feeds);
    const weightBytes = weightFiles.length > 0 ? totalBytes(bundle, weightFiles) : model.byteLength;
    if (weightLimit !== null) {
      for (const victim of this.#sessions.toMakeRoomFor(weightBytes, weightLimit)) await this.#releaseOne(victim);
    }
    const externalData = await loadWeights(bundle, weightFiles, weights);
    const session = await this.#create(role, model, externalData);
    // Foreign ONNX files (face detectors and encoders) name their one input as they like.
    const only = this.#isOnnxFile(role) && session.inputNames.length === 1 ? session.inputNames[0] : undefined;
    const live = {
      key: this.#key(role, feeds),
      role,
      session,
      weightBytes,
      ...(only === undefined ? {} : { inputName: only }),
    };
    this.#sessions.add(live);
    return live;
  }

  async #graph(role: Role, feeds: Readonly<Record<string, Tensor>>): Promise<BuiltGraph> {
    const { bundle, buildNetwork, compute } = this.#setup;
    const spec = bundle.manifest.networks[role];
    if (spec === undefined) {
      throw new AppError('bundle-invalid', `The bundle ${bundle.manifest.id} has no ${role}.`, { details: { role } });
    }
    if ('onnx' in spec) {
      const [file] = await loadWeights(bundle, [spec.onnx], 'bytes');
      return { model: file!.data as Uint8Array, weightFiles: [] };
    }
    checkTensorRanges(bundle, role);
    const inputDims = Object.fromEntries(Object.entries(feeds).map(([name, { dims }]) => [name, dims]));
    return buildNetwork(role, spec, bundle.tensors[role] ?? {}, inputDims, compute);
  }

  async #create(
    role: Role,
    model: Uint8Array,
    externalData: NonNullable<OrtSessionOptions['externalData']>,
  ): Promise<OrtSession> {
    const { ort, sessionOptions } = this.#setup;
    try {
      const session = await ort.InferenceSession.create(model, { ...sessionOptions, externalData });
      this.#throwDeviceError();
      return session;
    } catch (error) {
      throw fromOrtError(error, `${role}: creating the session`);
    }
  }

  async #runSession(
    { session, inputName }: LiveSession,
    feeds: Readonly<Record<string, Tensor>>,
    keepOnDevice: readonly string[],
  ): Promise<Record<string, Tensor>> {
    const { ort, device } = this.#setup;
    const results = await session.run(
      Object.fromEntries(Object.entries(feeds).map(([name, tensor]) => [inputName ?? name, toOrtTensor(ort, tensor)])),
    );
    const outputs: Record<string, Tensor> = {};
    for (const [name, tensor] of Object.entries(results)) {
      const stays = device !== null && tensor.type === 'float32' && keepOnDevice.includes(name);
      outputs[name] = stays ? toDeviceTensor(takeOver(ort, device, tensor)) : await toHostTensor(tensor);
    }
    this.#throwDeviceError();
    return outputs;
  }

  #throwDeviceError(): void {
    const error = this.#setup.takeDeviceError?.();
    if (error) throw error;
  }

  async #releaseAll(select: () => LiveSession[]): Promise<void> {
    if (this.#setup.gate.failure !== null) {
      // The engine is gone and its memory with it: forget the sessions instead of calling into it.
      for (const live of select()) this.#sessions.remove(live);
      return;
    }
    await this.#setup.gate.enter(async () => {
      for (const live of select()) await this.#releaseOne(live);
    });
  }

  async #releaseOne(live: LiveSession): Promise<void> {
    this.#sessions.remove(live);
    try {
      await live.session.release();
    } catch (error) {
      throw fromOrtError(error, `${live.role}: release`);
    }
  }
}
