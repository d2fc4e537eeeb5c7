// A warm call through function URL and runtime, beside the same artifact served directly and beside AWS's own library.
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { buildArtifact } from '../src/build/build.ts'
import { listen } from '../src/http/node-server.ts'
import { startStack } from '../src/local/stack.ts'
import { createMcpEndpoint } from '../src/mcp/endpoint.ts'
import { loadServer } from '../src/server/load.ts'
import { temporaryFolder } from '../test/support/temporary.ts'
import { awsLibrary } from './support/aws-library.ts'
import { closedLoop, openLoop, send, toolCalls } from './support/load.ts'
import { median, type Row } from './support/table.ts'

const oneTool = fileURLToPath(new URL('./servers/one-tool.ts', import.meta.url))
const stdio = fileURLToPath(new URL('../test/fixtures/servers/stdio.mjs', import.meta.url))

export async function lambda(quick: boolean): Promise<Row[]> {
  const folder = await temporaryFolder()
  const config = { name: 'bench', server: { kind: 'module' as const, entry: oneTool }, platforms: { lambda: {} } }
  const stack = await startStack({ dir: folder.path, configFile: '', config }, { port: 0 })
  const artifact = await buildArtifact({ projectDir: folder.path, config, outDir: `${folder.path}/direct` })
  const direct = await startArtifact(`${artifact.dir}/index.js`)
  const wrapped = createMcpEndpoint(
    await loadServer(
      { kind: 'stdio', command: process.execPath, args: [stdio] },
      { projectDir: folder.path, log: () => {} },
    ),
  )
  const wrappedServer = await listen(wrapped.fetch)
  const aws = await awsLibrary([process.execPath, stdio])

  const { url } = stack.endpoints.lambda!
  const ways: Record<string, () => Promise<void>> = {
    lambda: () => send(url, toolCalls.legacy, stack.identities[0]),
    direct: () => send(direct.url, toolCalls.legacy, stack.identities[0]),
    stdio: () => send(`${wrappedServer.url}/mcp`, toolCalls.legacy),
  }
  const p50: Record<string, number[]> = { aws: [], sequential: [] }
  let late = 0
  for (let round = 0; round <= (quick ? 2 : 6); round++) {
    for (const [name, one] of Object.entries(ways)) {
      if (round === 0) await closedLoop(100, 1, one)
      const { latencies, lateness } = await openLoop(50, quick ? 75 : 200, one)
      late = Math.max(late, lateness)
      if (round > 0) (p50[name] ??= []).push(median(latencies))
    }
    // AWS's library takes a tenth of a second for a call, so those are made one after another, and ours beside them too.
    const theirs = await eachAfterTheOther(quick ? 2 : 5, () => aws.call())
    const ours = await eachAfterTheOther(quick ? 40 : 100, async () => timed(ways.lambda!))
    if (round > 0) {
      p50.aws!.push(median(theirs))
      p50.sequential!.push(median(ours))
    }
  }
  direct.stop()
  await aws.stop()
  await wrappedServer.close()
  await wrapped.close()
  await stack.close()
  await folder.remove()

  const of = (name: string) => median(p50[name]!)
  return [
    {
      name: 'lambda: p50 of a warm call over the same artifact served directly',
      measured: of('lambda') - of('direct'),
      unit: 'ms',
      goal: { atMost: 1.5 },
      note: `${of('lambda').toFixed(2)} and ${of('direct').toFixed(2)} ms at 50 calls a second; generator at most ${late.toFixed(1)} ms late`,
    },
    {
      name: 'lambda: times faster than AWS’s run-mcp-servers-with-aws-lambda 0.5.21',
      measured: of('aws') / of('sequential'),
      unit: '×',
      goal: { atLeast: 50 },
      note: `p50 ${of('aws').toFixed(0)} and ${of('sequential').toFixed(2)} ms, one call after another`,
    },
    {
      name: 'lambda: p50 of a warm call to a wrapped stdio server',
      measured: of('stdio'),
      unit: 'ms',
      goal: { atMost: 15 },
    },
  ]
}

export async function startArtifact(file: string): Promise<{ url: string; stop(): void }> {
  const child = spawn(process.execPath, [file], {
    env: { HOST: '127.0.0.1', PORT: '0' },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const { listening } = await new Promise<{ listening: string }>((resolve) =>
    child.stdout.once('data', (line: Buffer) => resolve(JSON.parse(line.toString()) as { listening: string })),
  )
  return { url: `${listening}/mcp`, stop: () => void child.kill('SIGKILL') }
}

async function eachAfterTheOther(count: number, one: () => Promise<number>): Promise<number[]> {
  const times: number[] = []
  for (let at = 0; at < count; at++) times.push(await one())
  return times
}

async function timed(one: () => Promise<void>): Promise<number> {
  const started = performance.now()
  await one()
  return performance.now() - started
}
