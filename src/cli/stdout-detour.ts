/**
 * Sends what is written to stdout to stderr, until the function that it gives back is called. CDK's toolkit passes on there
 * what Docker says, and a command's stdout is for its data.
 */
export function stdoutToStderr(): () => void {
  const { write } = process.stdout
  process.stdout.write = ((...args: Parameters<typeof write>) => process.stderr.write(...args)) as typeof write
  return () => void (process.stdout.write = write)
}
