/** What is wrong with the files of a checkpoint, gathered so that one run tells all of it. */
import * as v from 'valibot';
import { AppError, isAppError, type ErrorCode } from '../domain/errors.ts';

/** The codes that a compile can end with, the one that has to be dealt with first in front. */
const CODES = ['bundle-missing-file', 'bundle-invalid', 'weights-invalid'] as const satisfies readonly ErrorCode[];
type Code = (typeof CODES)[number];

/** Longer lists are cut in the message; `details.problems` has them whole. */
const SHOWN = 40;

export class Problems {
  readonly #found: { readonly code: Code; readonly text: string; readonly files?: readonly string[] }[] = [];
  readonly #name: string;

  /** `name`: of the checkpoint, for messages. */
  constructor(name: string) {
    this.#name = name;
  }

  get count(): number {
    return this.#found.length;
  }

  missing(path: string, hint = ''): void {
    this.#found.push({ code: 'bundle-missing-file', text: `${path} is missing${hint && `; ${hint}`}`, files: [path] });
  }

  /** A configuration that cannot be used. */
  config(text: string): void {
    this.#found.push({ code: 'bundle-invalid', text });
  }

  weights(text: string): void {
    this.#found.push({ code: 'weights-invalid', text });
  }

  /** Validates a config file's JSON; every bad field becomes a problem. */
  parse<const S extends v.GenericSchema>(path: string, schema: S, json: unknown): v.InferOutput<S> | undefined {
    const parsed = v.safeParse(schema, json);
    if (parsed.success) return parsed.output;
    for (const issue of parsed.issues) this.config(`${path}: ${v.getDotPath(issue) ?? '(root)'}: ${issue.message}`);
    return undefined;
  }

  /** Does the work; an AppError about the files becomes a problem instead of ending it. */
  async collect<T>(work: () => Promise<T> | T): Promise<T | undefined> {
    try {
      return await work();
    } catch (error) {
      const code = CODES.find((known) => isAppError(error, known));
      if (code === undefined) throw error;
      const { message, details } = error as AppError;
      const files = Array.isArray(details['files']) ? (details['files'] as string[]) : [];
      this.#found.push({ code, text: message.replace(/\.$/, ''), files });
      return undefined;
    }
  }

  throwIfAny(): void {
    if (this.#found.length > 0) throw this.asError();
  }

  /**
   * All that was found, in the order of being found: `bundle-missing-file` when a file is missing, else `bundle-invalid`
   * when a configuration cannot be used, else `weights-invalid`.
   */
  asError(): AppError {
    const code = CODES.find((known) => this.#found.some((problem) => problem.code === known)) ?? 'weights-invalid';
    const problems = this.#found.map(({ text }) => text);
    const shown = problems.slice(0, SHOWN);
    if (problems.length > shown.length) shown.push(`and ${problems.length - shown.length} more`);
    return new AppError(code, `${this.#name}: ${shown.join('; ')}.`, {
      details: { problems, files: this.#found.flatMap(({ files }) => files ?? []) },
    });
  }
}
