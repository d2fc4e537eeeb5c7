import { spawn } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { buildGateway } from '../src/build/agentcore-gateway.ts'
import { buildArtifact, checkReproducible } from '../src/build/build.ts'
import type { ToolConfig } from '../src/config.ts'
import { copyProject, sample } from './cli/support.ts'

const entries = { lambda: '../src/adapters/lambda.ts', artifact: '../src/adapters/artifact.ts' }
const oneTool = `import { McpServer } from '@modelcontextprotocol/server'
import * as z from 'zod'
const input = z.object({ text: z.string() })
export default () => {
  const server = new McpServer({ name: 'one', version: '1.0.0' })
  server.registerTool('echo', { inputSchema: input }, async ({ text }) => ({ content: [{ type: 'text', text }] }))
  return server
}`

let project: Awaited<ReturnType<typeof copyProject>>
beforeAll(async () => {
  project = await copyProject('none')
  await writeFile(join(project.dir, 'server.ts'), oneTool)
})
afterAll(async () => project.remove())

const config = { name: 'one', server: { kind: 'module' as const, entry: './server.ts' }, platforms: { lambda: {} } }

describe('what ships', () => {
  it.each(Object.entries(entries))(
    'in the %s adapter is ours from above the waterline, and the SDK',
    async (_name, entry) => {
      const { metafile } = await build({
        entryPoints: [fileURLToPath(new URL(entry, import.meta.url))],
        bundle: true,
        format: 'esm',
        platform: 'node',
        metafile: true,
        write: false,
        logLevel: 'silent',
      })
      const inputs = Object.keys(metafile.inputs)
      const rooms = [
        ...new Set(
          inputs
            .flatMap((file) => /(?:^|\/)src\/([a-z]+)\//.exec(file)?.slice(1) ?? [])
            .filter((room) =>
              [
                'aws',
                'http',
                'mcp',
                'auth',
                'server',
                'adapters',
                'build',
                'local',
                'cli',
                'connect',
                'console',
                'choose',
              ].includes(room),
            ),
        ),
      ]
      expect(rooms.toSorted()).toEqual(['adapters', 'aws', 'http', 'mcp'])
      const packages = [
        ...new Set(inputs.flatMap((file) => /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(file)?.[1] ?? [])),
      ]
      expect(packages.toSorted()).toEqual(['@modelcontextprotocol/core', '@modelcontextprotocol/server', 'zod'])
    },
  )

  it('of a gateway is ours from above the waterline, without the SDK and what checks schemas there', async () => {
    const { metafile } = await build({
      entryPoints: [fileURLToPath(new URL('../src/adapters/gateway-artifact.ts', import.meta.url))],
      bundle: true,
      format: 'esm',
      platform: 'node',
      metafile: true,
      write: false,
      logLevel: 'silent',
    })
    const inputs = Object.keys(metafile.inputs)
    const rooms = new Set(inputs.flatMap((file) => /^src\/([a-z]+)\//.exec(file)?.[1] ?? []))
    expect([...rooms].toSorted()).toEqual(['adapters', 'auth', 'aws', 'gateway', 'http', 'mcp'])
    const packages = new Set(inputs.flatMap((file) => /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(file)?.[1] ?? []))
    expect([...packages].toSorted()).toEqual(['jose', 'undici', 'yaml'])
  })

  it('of a gateway is at most 800 kB', async () => {
    await writeFile(
      join(project.dir, 'gateway.json'),
      JSON.stringify({ name: 'shop', roleArn: 'arn:aws:iam::111122223333:role/gateway', authorizerType: 'NONE' }),
    )
    const platforms = { 'agentcore-gateway': { gateway: './gateway.json', targets: [] } }
    const outDir = join(project.dir, 'out-gateway')
    const { files } = await buildGateway({ projectDir: project.dir, config: { name: 'shop', platforms }, outDir })
    expect(files.map(({ name }) => name)).toEqual(['index.js', 'package.json', 'gateway.json'])
    expect(files[0]!.bytes).toBeLessThan(800_000)
  })

  it('of a one-tool server is at most 700 kB, and is one file that runs as it is', async () => {
    const { files, dir } = await buildArtifact({ projectDir: project.dir, config, outDir: join(project.dir, 'out') })
    expect(files.map(({ name }) => name)).toEqual(['index.js', 'package.json'])
    expect(files[0]!.bytes).toBeLessThan(700_000)
    expect(await answers(join(dir, 'index.js'))).toContain('"serverInfo":{"name":"one"')
  })

  it('of the sample is at most 1.2 MB', async () => {
    const own = await copyProject(sample)
    const { files } = await buildArtifact({
      projectDir: own.dir,
      config: { ...config, name: 'sample' },
      outDir: join(own.dir, 'out'),
    })
    expect(files[0]!.bytes).toBeLessThan(1_200_000)
    await own.remove()
  })

  it('has tasks in it for a configuration with a tool that is one', async () => {
    const withTools = (tools: Record<string, ToolConfig>) => ({ ...config, tools, platforms: { fargate: {} } })
    const bundle = async (tools: Record<string, ToolConfig>) => {
      const outDir = join(project.dir, 'out')
      const { dir } = await buildArtifact({ projectDir: project.dir, config: withTools(tools), outDir })
      return readFile(join(dir, 'index.js'), 'utf8')
    }
    expect(await bundle({ echo: { task: true } })).toContain('io.modelcontextprotocol/tasks')
    expect(await bundle({ echo: { timeoutMs: 5 } })).not.toContain('io.modelcontextprotocol/tasks')
  })

  it('has the same bytes from two folders', async () => {
    const own = await copyProject(project.dir)
    const [first, second] = [project.dir, own.dir].map(
      async (projectDir) => (await buildArtifact({ projectDir, config, outDir: join(projectDir, 'out') })).digest,
    )
    expect(await first).toBe(await second)
    expect(await checkReproducible({ projectDir: project.dir, config })).toBe(await first)
    expect(await readFile(join(own.dir, 'out/index.js'), 'utf8')).not.toContain(own.dir)
    await own.remove()
  })

  it.each([
    ['export default (', 'SERVER_BROKEN', /server\.ts:1/],
    ["import 'no-such-package'; export default () => {}", 'SERVER_BROKEN', /no-such-package/],
  ])('is not made of what is wrong: %s', async (text, code, message) => {
    const own = await copyProject('none')
    await writeFile(join(own.dir, 'server.ts'), text)
    await expect(buildArtifact({ projectDir: own.dir, config, outDir: join(own.dir, 'out') })).rejects.toMatchObject({
      code,
      message: expect.stringMatching(message) as string,
    })
    await own.remove()
  })
})

/** Runs an artifact as a process, says `initialize`, and stops it as a platform does. */
async function answers(file: string): Promise<string> {
  const child = spawn(process.execPath, [file], {
    env: { HOST: '127.0.0.1', PORT: '0' },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const ended = new Promise<number | null>((resolve) => child.on('exit', resolve))
  const { listening } = await new Promise<{ listening: string }>((resolve) =>
    child.stdout.once('data', (line: Buffer) => resolve(JSON.parse(line.toString()) as { listening: string })),
  )
  const body = JSON.stringify({
    jsonrpc: '2.0',
    id: 1,
    method: 'initialize',
    params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 't', version: '1' } },
  })
  const text = await (
    await fetch(`${listening}/mcp`, {
      method: 'POST',
      body,
      headers: { 'content-type': 'application/json', accept: 'application/json, text/event-stream' },
    })
  ).text()
  child.kill('SIGTERM')
  expect(await ended).toBe(0)
  return text
}
