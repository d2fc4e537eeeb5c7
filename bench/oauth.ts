// The authorization service: how soon it answers, what it holds when idle, and a whole sign-in by script.
import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buildAuthorizationService } from '../src/build/authorization-service.ts'
import { signIn } from '../src/connect/sign-in.ts'
import { startLocalDynamo, type LocalDynamo } from '../src/local/dynamodb/start.ts'
import { startStack } from '../src/local/stack.ts'
import { median, type Row } from './support/table.ts'

export async function oauth(quick: boolean): Promise<Row[]> {
  const rounds = quick ? 3 : 7
  const dir = await mkdtemp(join(tmpdir(), 'fairlead-bench-'))
  const dynamo = await startLocalDynamo('us-east-1')
  await buildAuthorizationService(dir)
  const starts = []
  for (let round = 0; round < rounds; round++) starts.push(await startOnce(dir, dynamo))
  await dynamo.close()
  const flows = await signIns(dir, rounds)
  await rm(dir, { recursive: true, force: true })
  return [
    {
      name: 'oauth: the authorization service, from its start to its first answer',
      measured: median(starts.map(({ ms }) => ms)),
      unit: 'ms',
      goal: { atMost: 500 },
      note: `CPU ${median(starts.map(({ cpuMs }) => cpuMs)).toFixed(0)} ms`,
    },
    {
      name: 'oauth: its resident memory when idle',
      measured: median(starts.map(({ mb }) => mb)),
      unit: 'MB',
      goal: { atMost: 130 },
    },
    {
      name: 'oauth: a whole sign-in by script, from the 401 to the token',
      measured: median(flows),
      unit: 'ms',
      goal: { atMost: 1000 },
      note: `the first ${flows[0]!.toFixed(0)} ms`,
    },
  ]
}

async function startOnce(dir: string, dynamo: LocalDynamo): Promise<{ ms: number; mb: number; cpuMs: number }> {
  const port = await freePort()
  const issuer = `http://127.0.0.1:${port}`
  const settings = {
    issuer,
    resources: [{ resource: 'http://127.0.0.1:1/mcp', name: 'bench', scopes: { use: { description: 'Use it' } } }],
    baseScopes: ['use'],
    upstream: { issuer: 'http://127.0.0.1:1/pool', clientId: 'bench' },
  }
  const began = performance.now()
  const child = spawn(process.execPath, [join(dir, 'index.js')], {
    env: {
      ...dynamo.env,
      HOST: '127.0.0.1',
      PORT: String(port),
      FAIRLEAD_SECRET: randomBytes(32).toString('base64url'),
      FAIRLEAD_AUTHORIZATION_SERVICE: JSON.stringify(settings),
    },
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  await new Promise((resolve) => child.stdout.once('data', resolve))
  const response = await fetch(`${issuer}/.well-known/oauth-authorization-server`)
  if (!response.ok) throw new Error(`the authorization service answered ${response.status}`)
  const ms = performance.now() - began
  await response.arrayBuffer()
  const [pages, ticks] = await Promise.all([
    readFile(`/proc/${child.pid}/statm`, 'utf8'),
    readFile(`/proc/${child.pid}/stat`, 'utf8'),
  ])
  const [user, system] = ticks.split(' ').slice(13, 15).map(Number)
  child.kill('SIGKILL')
  await new Promise((resolve) => child.once('exit', resolve))
  return { ms, mb: (Number(pages.split(' ')[1]) * 4096) / 1e6, cpuMs: (user! + system!) * 10 }
}

/** Each time with a client that has just registered, as a new program would. */
async function signIns(dir: string, rounds: number): Promise<number[]> {
  const config = {
    name: 'bench',
    server: { kind: 'module' as const, entry: new URL('servers/one-tool.ts', import.meta.url).pathname },
    platforms: { fargate: { tasks: 1 } },
  }
  const stack = await startStack({ dir, configFile: '', config }, { port: 0 })
  const times: number[] = []
  for (let round = 0; round < rounds; round++) {
    const began = performance.now()
    await signIn({ url: stack.endpoints.fargate!.url, ...stack.users[0]! })
    times.push(performance.now() - began)
  }
  await stack.close()
  return times
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}
