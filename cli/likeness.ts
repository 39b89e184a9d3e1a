/** `npm run likeness -- COMMAND …`: the forge and the pipeline without a browser. */
import { isAppError } from '../src/domain/errors.ts';
import { COMPILE_USAGE } from './compile-options.ts';
import { runCompile } from './compile.ts';
import { GENERATE_USAGE, runGenerate } from './generate.ts';
import { INSPECT_USAGE, runInspect } from './inspect.ts';
import { runServe, SERVE_USAGE } from './serve.ts';
import { UsageError } from './usage-error.ts';

interface Command {
  readonly usage: string;
  run(args: string[]): Promise<void>;
}

const COMMANDS: Readonly<Record<string, Command>> = {
  compile: { usage: COMPILE_USAGE, run: runCompile },
  generate: { usage: GENERATE_USAGE, run: runGenerate },
  inspect: { usage: INSPECT_USAGE, run: runInspect },
  serve: { usage: SERVE_USAGE, run: runServe },
};

const allUsage = ['Usage: npm run likeness -- COMMAND …', ...Object.values(COMMANDS).map(({ usage }) => usage)].join(
  '\n\n',
);

/** 0 done, 1 failed for a reason that is told, 2 not understood. */
async function main([name, ...args]: string[]): Promise<number> {
  if (name === undefined || name === '--help' || name === 'help') {
    console.log(allUsage);
    return name === undefined ? 2 : 0;
  }
  const command = COMMANDS[name];
  if (command === undefined) {
    console.error(`There is no command "${name}".\n\n${allUsage}`);
    return 2;
  }
  if (args.includes('--help')) {
    console.log(command.usage);
    return 0;
  }
  try {
    await command.run(args);
    return 0;
  } catch (error) {
    if (isUsageError(error)) {
      console.error(`${error.message}\n\n${command.usage}`);
      return 2;
    }
    if (!isAppError(error) || error.code === 'internal') throw error;
    console.error(`${error.message} (${error.code})`);
    return 1;
  }
}

/** Our own, and what parseArgs throws for unknown or half options. */
function isUsageError(error: unknown): error is Error {
  if (error instanceof UsageError) return true;
  return error instanceof TypeError && String((error as NodeJS.ErrnoException).code).startsWith('ERR_PARSE_ARGS');
}

process.exitCode = await main(process.argv.slice(2));
