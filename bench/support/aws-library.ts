import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'

/** AWS's run-mcp-servers-with-aws-lambda over the same stdio server: `call` gives the milliseconds of one tool call. */
export async function awsLibrary(command: string[]): Promise<{ call(): Promise<number>; stop(): Promise<void> }> {
  const child = fork(fileURLToPath(new URL('../servers/aws-library.mjs', import.meta.url)), command, {
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    env: { ...process.env, LOG_LEVEL: 'error' },
  })
  const next = () =>
    new Promise<unknown>((resolve, reject) =>
      child.once('message', resolve).once('exit', () => reject(new Error('AWS’s library ended'))),
    )
  await next()
  return {
    call: async () => {
      child.send('call')
      const took = await next()
      if (typeof took !== 'number') throw new Error(`AWS’s library answered ${String(took)}`)
      return took
    },
    stop: async () => {
      const gone = new Promise((resolve) => child.once('exit', resolve))
      child.removeAllListeners('exit').once('exit', () => {})
      child.kill('SIGKILL')
      await Promise.race([gone, new Promise((resolve) => setTimeout(resolve, 500))])
    },
  }
}
