import './console-tap.ts';
import { isAppError } from '../../../src/domain/errors.ts';
import { SCENARIOS, type ScenarioName, type ScenarioOptions } from './scenarios.ts';

export interface ScenarioCall {
  readonly name: ScenarioName;
  readonly options: ScenarioOptions;
}

export type ScenarioReply =
  { readonly value: unknown } | { readonly error: { readonly code: string; readonly message: string } };

self.onmessage = async ({ data }: MessageEvent<ScenarioCall>) => {
  try {
    reply({ value: await SCENARIOS[data.name](data.options) });
  } catch (error) {
    const code = isAppError(error) ? error.code : 'not an AppError';
    reply({ error: { code, message: error instanceof Error ? error.message : String(error) } });
  }
};

function reply(message: ScenarioReply): void {
  self.postMessage(message);
}
