/** Per layer and network: how many bits the stored weights take, and how far they are from the originals. */
import type { Role } from '../domain/ports.ts';
import { elementCount } from '../domain/tensor.ts';
import { RoundingError } from './rounding-error.ts';

export interface TensorQuality {
  readonly name: string;
  readonly storage: string;
  readonly dims: readonly number[];
  /** Scales included. */
  readonly bitsPerWeight: number;
  /** Root mean square of the error over that of the weights. */
  readonly relativeError: number;
  /** The same as a signal-to-noise ratio in dB; null where nothing was rounded. */
  readonly snr: number | null;
  /** The worst group that shares a scale: row of an int8 tensor, block (row-major) of an n-bit one. */
  readonly worst: { readonly group: number; readonly relativeError: number } | null;
}

export interface NetworkQuality {
  readonly weights: number;
  readonly bytes: number;
  readonly bitsPerWeight: number;
  /** Over all rounded tensors together. */
  readonly relativeError: number;
  readonly snr: number | null;
  readonly tensors: readonly TensorQuality[];
}

/** What `compile --report` writes. */
export type QuantisationReport = Partial<Record<Role, NetworkQuality>>;

/** For the manifest: per network without its tensors, but for the one that suffers most. */
export function summarise(report: QuantisationReport): Record<string, Record<string, unknown>> {
  const entries = Object.entries(report).map(([role, { tensors, ...network }]) => {
    const worst = tensors.reduce<TensorQuality | undefined>(
      (found, tensor) => (tensor.relativeError > (found?.relativeError ?? 0) ? tensor : found),
      undefined,
    );
    return [role, { ...network, ...(worst && { worstTensor: worst.name, worstSnr: worst.snr }) }] as const;
  });
  return Object.fromEntries(entries);
}

/** Gathers one network's tensors while they are written. */
export class QualityCollector {
  readonly #tensors: TensorQuality[] = [];
  readonly #all = new RoundingError();
  #weights = 0;
  #bytes = 0;

  /** `error`: absent where the values are stored as they are. */
  add(tensor: { name: string; storage: string; dims: readonly number[]; bytes: number; error?: RoundingError }): void {
    const { error, bytes, ...named } = tensor;
    const weights = elementCount(tensor.dims);
    this.#weights += weights;
    this.#bytes += bytes;
    if (error !== undefined) this.#all.append(error);
    this.#tensors.push({
      ...named,
      bitsPerWeight: rounded((8 * bytes) / weights),
      ...figures(error),
      worst: error ? { group: error.worst.group, relativeError: rounded(error.worst.relative) } : null,
    });
  }

  finish(): NetworkQuality {
    return {
      weights: this.#weights,
      bytes: this.#bytes,
      bitsPerWeight: rounded((8 * this.#bytes) / Math.max(1, this.#weights)),
      ...figures(this.#all),
      tensors: this.#tensors,
    };
  }
}

function figures(error: RoundingError | undefined): Pick<NetworkQuality, 'relativeError' | 'snr'> {
  const relative = error?.relative ?? 0;
  return { relativeError: rounded(relative), snr: relative === 0 ? null : rounded(-20 * Math.log10(relative)) };
}

/** Four significant digits. */
function rounded(value: number): number {
  return Number(value.toPrecision(4));
}
