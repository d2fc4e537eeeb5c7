// The artifact's size, and how long a new process takes to its first answer, beside a bare bundle of the SDK and AWS's library.
import { spawn } from 'node:child_process'
import { mkdir, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { buildArtifact } from '../src/build/build.ts'
import { temporaryFolder } from '../test/support/temporary.ts'
import { median, type Row } from './support/table.ts'

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url))
const banner = { js: "import{createRequire as r}from'node:module';const require=r(import.meta.url);" }

export async function cold(quick: boolean): Promise<Row[]> {
  const folder = await temporaryFolder()
  const config = (entry: string) => ({
    name: 'bench',
    server: { kind: 'module' as const, entry },
    platforms: { lambda: {} },
  })
  const one = await buildArtifact({
    projectDir: folder.path,
    config: config(here('./servers/one-tool.ts')),
    outDir: `${folder.path}/one`,
  })
  const sample = await buildArtifact({
    projectDir: here('../examples/account-summary'),
    config: config('./server.ts'),
    outDir: `${folder.path}/sample`,
  })
  const bare = await bundle(here('./servers/bare.ts'), `${folder.path}/bare`)
  const aws = await bundle(here('./servers/aws-library-server.mjs'), `${folder.path}/aws`)
  const files = { one: `${one.dir}/index.js`, sample: `${sample.dir}/index.js`, bare, aws }
  const times: Record<string, number[]> = {}
  for (let round = 0; round <= (quick ? 5 : 15); round++)
    for (const [name, file] of Object.entries(files)) {
      const took = await firstAnswer(file)
      if (round > 0) (times[name] ??= []).push(took)
    }
  await folder.remove()
  const of = (name: string) => median(times[name]!)
  return [
    {
      name: 'cold: size of a one-tool server’s artifact',
      measured: one.files[0]!.bytes / 1000,
      unit: 'kB',
      goal: { atMost: 700 },
    },
    {
      name: 'cold: size of the sample’s artifact',
      measured: sample.files[0]!.bytes / 1000,
      unit: 'kB',
      goal: { atMost: 1200 },
    },
    {
      name: 'cold: first answer of the one-tool artifact over the bare SDK bundle',
      measured: of('one') / of('bare'),
      unit: '×',
      goal: { atMost: 1.15 },
      note: `${of('one').toFixed(0)} and ${of('bare').toFixed(0)} ms`,
    },
    {
      name: 'cold: first answer of the one-tool artifact over AWS’s library',
      measured: of('one') / of('aws'),
      unit: '×',
      goal: { atMost: 0.6 },
      note: `its ${of('aws').toFixed(0)} ms`,
    },
    {
      name: 'cold: first answer of the sample over the bare SDK bundle',
      measured: of('sample') / of('bare'),
      unit: '×',
      goal: { atMost: 1.2 },
      note: `${of('sample').toFixed(0)} ms`,
    },
  ]
}

async function bundle(entry: string, dir: string): Promise<string> {
  await build({
    entryPoints: [entry],
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node22',
    minify: true,
    outfile: `${dir}/index.js`,
    logLevel: 'silent',
    banner,
    define: { STDIO_SERVER: JSON.stringify(here('../test/fixtures/servers/stdio.mjs')) },
  })
  await mkdir(dir, { recursive: true })
  await writeFile(`${dir}/package.json`, '{"type":"module"}')
  return `${dir}/index.js`
}

/** From the start of the process to the whole answer of its first `initialize`. */
export async function firstAnswer(file: string): Promise<number> {
  const started = performance.now()
  const child = spawn(process.execPath, [file], {
    env: { HOST: '127.0.0.1', PORT: '0', PATH: process.env.PATH ?? '', LOG_LEVEL: 'error' },
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  const { listening } = await new Promise<{ listening: string }>((resolve) =>
    child.stdout.once('data', (line: Buffer) =>
      resolve(JSON.parse(line.toString().split('\n')[0]!) as { listening: string }),
    ),
  )
  const body = JSON.stringify({
    jsonrpc: '2.0',
    id: 1,
    method: 'initialize',
    params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'bench', version: '1' } },
  })
  const response = await fetch(`${listening}/mcp`, {
    method: 'POST',
    body,
    headers: { 'content-type': 'application/json', accept: 'application/json, text/event-stream' },
  })
  const text = await response.text()
  if (!text.includes('serverInfo')) throw new Error(`${file} answered ${response.status}: ${text.slice(0, 200)}`)
  const took = performance.now() - started
  child.kill('SIGKILL')
  return took
}
