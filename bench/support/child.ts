import { fork, type ChildProcess } from 'node:child_process'
import { fileURLToPath } from 'node:url'

export interface BenchServer {
  name: string
  url: string
  /** When its process was started. */
  startedAt: number
  /** CPU of the process since it started, in microseconds. */
  cpu(): Promise<number>
  /** Resident memory, in MB. */
  rss(): Promise<number>
  stop(): Promise<void>
}

/** Starts a server of bench/servers in a process of its own, so that its CPU is its own. */
export async function startServer(
  name: string,
  script: string,
  args: string[] = [],
  { env, execArgv = [] }: { env?: Record<string, string>; execArgv?: string[] } = {},
): Promise<BenchServer> {
  const startedAt = performance.now()
  const child = fork(fileURLToPath(new URL(`../servers/${script}`, import.meta.url)), args, {
    stdio: ['ignore', 'ignore', env ? 'ignore' : 'inherit', 'ipc'],
    execArgv,
    ...(env ? { env } : {}),
  })
  const url = (await answer(child)) as string
  const ask = async (what: 'cpu' | 'rss') => {
    child.send(what)
    return (await answer(child)) as number
  }
  return {
    name,
    url,
    startedAt,
    cpu: () => ask('cpu'),
    rss: () => ask('rss'),
    stop: async () => {
      const gone = new Promise((resolve) => child.once('exit', resolve))
      child.kill('SIGTERM')
      await gone
    },
  }
}

async function answer(child: ChildProcess): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const onExit = () => reject(new Error('a bench server ended'))
    child.once('exit', onExit)
    child.once('message', (message) => {
      child.off('exit', onExit)
      resolve(message)
    })
  })
}
