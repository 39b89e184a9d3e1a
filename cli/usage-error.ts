/** A command line that cannot be understood; told together with the command's usage, exit code 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}
