import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'

/** AWS's run-mcp-servers-with-aws-lambda over the same stdio server: `call` gives the milliseconds of one tool call. */
export async function awsLibrary(command: string[]): Promise<{ call(): Promise<number>; stop(): Promise<void> }> {
  const child = fork(fileURLToPath(new URL('../servers/aws-library.mjs', import.meta.url)), command, {
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    env: { ...process.env, LOG_LEVEL: 'error' },
  })
  let settle: { resolve: (value: unknown) => void; reject: (error: Error) => void } | undefined
  child.on('message', (message) => settle?.resolve(message))
  child.on('exit', () => settle?.reject(new Error('AWS’s library ended')))
  const next = () => new Promise<unknown>((resolve, reject) => (settle = { resolve, reject }))
  await next()
  return {
    call: async () => {
      child.send('call')
      const took = await next()
      if (typeof took !== 'number') throw new Error(`AWS’s library answered ${String(took)}`)
      return took
    },
    stop: async () => {
      settle = undefined
      const gone = new Promise((resolve) => child.once('exit', resolve))
      child.kill('SIGKILL')
      await gone
    },
  }
}
