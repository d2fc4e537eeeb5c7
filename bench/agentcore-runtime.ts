// A warm call in a session beside the same artifact served directly, the first answer of a new session beside the artifact's
// own, and fifty sessions at once.
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { buildArtifact } from '../src/build/build.ts'
import { startAgentcoreRuntimePlatform } from '../src/local/agentcore-runtime/platform.ts'
import { loadIdentities } from '../src/local/iam/identities.ts'
import { RequestLog } from '../src/local/requests.ts'
import { localAccount } from '../src/platforms.ts'
import { temporaryFolder } from '../test/support/temporary.ts'
import { firstAnswer } from './cold.ts'
import { startArtifact } from './lambda.ts'
import { closedLoop, openLoop, send, toolCalls, type Call } from './support/load.ts'
import { median, type Row } from './support/table.ts'

const oneTool = fileURLToPath(new URL('./servers/one-tool.ts', import.meta.url))
const sessions = 50

export async function agentcoreRuntime(quick: boolean): Promise<Row[]> {
  const folder = await temporaryFolder()
  const config = {
    name: 'bench',
    server: { kind: 'module' as const, entry: oneTool },
    platforms: { 'agentcore-runtime': { maxSessions: 500 } },
  }
  const artifact = await buildArtifact({ projectDir: folder.path, config, outDir: `${folder.path}/artifact` })
  const identities = loadIdentities(folder.path, localAccount)
  const requests = new RequestLog(folder.path, () => {})
  const runtime = await startAgentcoreRuntimePlatform({
    project: { dir: folder.path, configFile: '', config },
    artifactDir: artifact.dir,
    port: 0,
    identities,
    env: {},
    requests,
    log: () => {},
  })
  const direct = await startArtifact(`${artifact.dir}/index.js`)
  const { url } = runtime.endpoint
  const inSession = (id: string) => async () => send(url, named(id), identities[0], 'bedrock-agentcore')

  const ways: Record<string, () => Promise<void>> = {
    session: inSession('warm'),
    direct: () => send(direct.url, toolCalls.legacy, identities[0], 'bedrock-agentcore'),
  }
  const p50: Record<string, number[]> = {}
  // The first call creates the session: calls beside it would be told to come again.
  await ways.session!()
  for (let round = 0; round <= (quick ? 2 : 6); round++)
    for (const [name, one] of Object.entries(ways)) {
      if (round === 0) await closedLoop(200, 1, one)
      const { latencies } = await openLoop(50, quick ? 75 : 200, one)
      if (round > 0) (p50[name] ??= []).push(median(latencies))
    }
  direct.stop()

  const first: Record<'session' | 'artifact', number[]> = { session: [], artifact: [] }
  for (let round = 0; round <= (quick ? 5 : 15); round++) {
    const started = performance.now()
    await inSession(`first-${round}`)()
    const took = performance.now() - started
    const own = await firstAnswer(`${artifact.dir}/index.js`)
    if (round === 0) continue
    first.session.push(took)
    first.artifact.push(own)
  }

  const before = new Set(runtime.sessions.pids())
  const started = performance.now()
  await Promise.all(Array.from({ length: sessions }, (_, at) => inSession(`many-${at}`)()))
  const took = performance.now() - started
  const memory = runtime.sessions
    .pids()
    .filter((pid) => !before.has(pid))
    .map(memoryOf)
  await runtime.close()
  requests.flush()
  await folder.remove()

  const of = (name: string) => median(p50[name]!)
  return [
    {
      name: 'agentcore-runtime: p50 of a warm call over the same artifact served directly',
      measured: of('session') - of('direct'),
      unit: 'ms',
      goal: { atMost: 1.5 },
      note: `${of('session').toFixed(2)} and ${of('direct').toFixed(2)} ms at 50 calls a second`,
    },
    {
      name: 'agentcore-runtime: first answer of a new session over the artifact’s own',
      measured: median(first.session) / median(first.artifact),
      unit: '×',
      goal: { atMost: 1.3 },
      note: `${median(first.session).toFixed(0)} and ${median(first.artifact).toFixed(0)} ms`,
    },
    {
      name: `agentcore-runtime: memory of a session, ${sessions} of them at once`,
      measured: median(memory),
      unit: 'MB',
      note: `all had answered after ${(took / 1000).toFixed(1)} s; proportional set size where the system tells it`,
    },
  ]
}

function named(id: string): Call {
  const { headers, body } = toolCalls.legacy
  return { headers: { ...headers, 'mcp-session-id': id.padEnd(36, '-') }, body }
}

/** In MB. Pages that processes share are divided among them. */
function memoryOf(pid: number): number {
  try {
    return Number(/^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))![1]) / 1024
  } catch {
    return NaN
  }
}
