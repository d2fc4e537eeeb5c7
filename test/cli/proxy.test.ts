import { spawn } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio'
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js'
import { StdioClientTransport as StdioV1 } from '@modelcontextprotocol/sdk/client/stdio.js'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { lambdaFetch } from '../../src/connect/lambda-fetch.ts'
import { listen } from '../../src/http/node-server.ts'
import { bin, copyProject, fairlead, sample, startDev, type RunningDev } from './support.ts'

let project: Awaited<ReturnType<typeof copyProject>>
let dev: RunningDev
beforeAll(async () => {
  project = await copyProject(sample)
  dev = await startDev(project.dir)
}, 60_000)
afterAll(async () => {
  await dev?.stop()
  await project.remove()
})

it('the sample answers with the type that its schema promises and says that the data is made up', async () => {
  const call = (...more: string[]) =>
    fairlead(['call', 'get_account_summary', 'account_id=001122223333', ...more], { cwd: project.dir })
  const { code, stdout } = await call()
  expect(code).toBe(0)
  expect(stdout).toContain('001122223333')
  expect(stdout).toMatch(/sample/i)
  const onRuntime = await call('--on', 'agentcore-runtime')
  expect({ code: onRuntime.code, stdout: onRuntime.stdout }).toEqual({ code: 0, stdout })
  await dev.said(/200 {2}agentcore-runtime {2}POST \/runtimes\/…\/invocations .* tools\/call get_account_summary/)
}, 30_000)

describe('fairlead proxy', () => {
  const args = (...more: string[]) => [bin, 'proxy', ...more]

  it.each(['legacy', 'auto'] as const)(
    'joins the official stdio client (%s) to every local platform',
    async (mode) => {
      for (const platform of Object.keys(dev.state.endpoints)) {
        const client = new Client({ name: 'test', version: '1' }, { versionNegotiation: { mode } })
        await client.connect(new StdioClientTransport({ command: process.execPath, args: args(platform), cwd: project.dir, stderr: 'inherit' })) // prettier-ignore
        const call = callOf((await client.listTools()).tools.map(({ name }) => name))
        expect([platform, (await client.callTool(call)).isError ?? false]).toEqual([platform, false])
        await client.close()
      }
    },
    60_000,
  )

  it('joins the client of the SDK’s first version to every local platform, by the URL alone', async () => {
    for (const [platform, { url }] of Object.entries(dev.state.endpoints)) {
      const client = new ClientV1({ name: 'test', version: '1' })
      await client.connect(new StdioV1({ command: process.execPath, args: args(url), cwd: project.dir }))
      const { tools } = await client.listTools()
      const call = callOf(tools.map(({ name }) => name))
      expect([platform, (await client.callTool(call)).isError ?? false]).toEqual([platform, false])
      await client.close()
    }
  }, 60_000)

  it('loads neither undici nor the SDK for what needs no sign-in, so that it is small', async () => {
    const loaded = fileURLToPath(new URL('../fixtures/what-is-loaded.mjs', import.meta.url))
    const ping = '{"jsonrpc":"2.0","id":1,"method":"ping"}\n'
    const { stdout, stderr } = await feed(['lambda'], ping, { NODE_OPTIONS: `--import=${loaded}` })
    expect(JSON.parse(stdout)).toMatchObject({ id: 1, result: {} })
    expect(stderr).toContain('dist/connect/proxy/pump.js')
    expect(stderr.split('\n').filter((line) => /undici|node_modules\/(?!commander)/.test(line))).toEqual([])
  }, 30_000)

  it('refuses an identity that may not, with a code to the client, on stderr and as exit code; stdout has the protocol alone', async () => {
    const { stdout, stderr, code } = await feed(['lambda', '--as', 'stranger'], '{"jsonrpc":"2.0","id":1,"method":"ping"}\n') // prettier-ignore
    const lines = stdout.trim().split('\n')
    expect(lines.map((line) => (JSON.parse(line) as { error: { data: unknown } }).error.data)).toMatchObject([{ code: 'ACCESS_DENIED' }]) // prettier-ignore
    expect(stderr).toMatch(/^fairlead: ACCESS_DENIED /m)
    expect(code).toBe(3)
  }, 30_000)

  it.each([
    [['https://mcp.example.com/mcp', '--auth', 'sigv4'], 'AWS_SCOPE_UNKNOWN', 2],
    [['https://mcp.example.com/mcp', '--auth', 'magic'], 'USAGE', 2],
    [['https://mcp.example.com/mcp', '--timeout', 'soon'], 'USAGE', 2],
    [['https://:80:80/mcp'], 'USAGE', 2],
    [['https://user:password@mcp.example.com/mcp'], 'USAGE', 2],
    [['lamda'], 'USAGE', 2],
  ])(
    '%j ends at once with %s',
    async (words, errorCode, exit) => {
      const { stdout, stderr, code } = await feed(words, '')
      expect([stdout, code]).toEqual(['', exit])
      expect(stderr).toMatch(new RegExp(`^${errorCode}  `))
    },
    30_000,
  )

  it.each([['lamda'], ['https://mcp.example.com/mcp', '--bogus', '--json']])(
    'that cannot begin says so to the client as well: %j',
    async (...words) => {
      const { stdout, stderr, code } = await feed(words, '{"jsonrpc":"2.0","method":"x"}\n{"jsonrpc":"2.0","id":1,"method":"initialize"}\n') // prettier-ignore
      const refused = { jsonrpc: '2.0', id: 1, error: { code: -32000, data: { code: 'USAGE' } } }
      expect(stdout.trim().split('\n').map((line) => JSON.parse(line) as unknown)).toMatchObject([refused]) // prettier-ignore
      expect(stderr).toMatch(/^USAGE {2}/)
      expect(code).toBe(2)
    },
    30_000,
  )

  it('works on any URL with call and tools too, and shows progress as it comes', async () => {
    const open = await listen(async (request) => {
      const { id, method } = (await request.json()) as { id: number; method: string }
      const result = method === 'tools/list' ? { tools: [{ name: 'hi', inputSchema: { type: 'object', properties: { to: { type: 'string' } } } }] } : method === 'tools/call' ? { content: [{ type: 'text', text: 'hi there' }] } : { supportedVersions: ['2026-07-28'], capabilities: { tools: {} } } // prettier-ignore
      return Response.json({ jsonrpc: '2.0', id, result: { resultType: 'complete', ttlMs: 0, cacheScope: 'private', ...result } }) // prettier-ignore
    })
    const on = ['--on', `${open.url}/mcp`]
    expect((await fairlead(['tools', ...on], { cwd: '/' })).stdout).toContain('hi(to?: string)')
    expect((await fairlead(['call', 'hi', 'to=you', ...on], { cwd: '/' })).stdout).toBe('hi there\n')
    await open.close()
  }, 30_000)
})

describe('lambdaFetch', () => {
  const options = (name = 'agent') => {
    const { sdkEndpoint } = dev.state.endpoints.lambda!
    const credentials = dev.state.identities.iam.find((each) => each.name === name)!
    return { functionName: dev.state.endpoints.lambda!.arn!, region: 'us-east-1', endpoint: sdkEndpoint!, credentials }
  }
  const connect = async (fetch: typeof globalThis.fetch, mode: 'auto' | 'legacy') => {
    const client = new Client({ name: 'test', version: '1' }, { versionNegotiation: { mode } })
    await client.connect(new StreamableHTTPClientTransport(new URL('https://lambda.invalid/mcp'), { fetch }))
    return client
  }

  it.each(['auto', 'legacy'] as const)('calls the function itself, with progress as it streams (%s)', async (mode) => {
    const client = await connect(lambdaFetch(options()), mode)
    const heard: number[] = []
    const result = await client.callTool(
      { name: 'find_idle_resources', arguments: { account_id: '012345678901' } },
      { onprogress: ({ progress }) => void heard.push(progress) },
    )
    expect(result.isError).not.toBe(true)
    expect(heard.length).toBeGreaterThan(1)
    await client.close()
  })

  it('is refused by name when the caller may not, and when there is no such function', async () => {
    await expect(lambdaFetch(options('stranger'))('https://lambda.invalid/mcp', { method: 'POST', body: '{}' })).rejects.toMatchObject({ code: 'ACCESS_DENIED', fix: 'Let the caller do lambda:InvokeFunction.' }) // prettier-ignore
    const missing = lambdaFetch({ ...options(), functionName: 'nobody' })
    await expect(missing('https://lambda.invalid/mcp')).rejects.toMatchObject({ code: expect.stringMatching(/UNREACHABLE|ACCESS_DENIED/) as string }) // prettier-ignore
  })
})

describe('fairlead connect', () => {
  it('lists the clients, prints an entry without secrets, writes it, and takes it out', async () => {
    const env = { HOME: project.dir, XDG_CONFIG_HOME: '', CODEX_HOME: '', COPILOT_HOME: '' }
    const cli = async (...words: string[]) => {
      const { stdout } = await fairlead(['connect', ...words, '--json'], { cwd: project.dir, env })
      return JSON.parse(stdout) as { ok: boolean; data: Record<string, never>; error: { code: string } }
    }
    expect((await cli()).data.clients).toHaveLength(10)
    const file = join(project.dir, '.claude.json')
    writeFileSync(file, '{\n  "theme": "dark"\n}\n')
    const printed = await cli('claude-code')
    expect(printed.data).toMatchObject({ via: 'proxy', name: 'fairlead-lambda', file })
    expect(JSON.stringify(printed)).not.toContain(dev.state.identities.iam[0]!.secretAccessKey)
    expect((await cli('claude-code', '--write')).data).toMatchObject({ changed: true })
    const written = JSON.parse(readFileSync(file, 'utf8')) as { mcpServers: Record<string, { command: string; args: string[] }> } // prettier-ignore
    const { command, args } = written.mcpServers['fairlead-lambda']!
    const client = new Client({ name: 'test', version: '1' })
    await client.connect(new StdioClientTransport({ command, args, cwd: '/', stderr: 'inherit' }))
    expect((await client.listTools()).tools).not.toHaveLength(0)
    await client.close()
    expect((await cli('claude-code', '--write')).data).toMatchObject({ changed: false })
    await cli('claude-code', '--remove')
    expect(readFileSync(file, 'utf8')).toBe('{\n  "theme": "dark"\n}\n')
    expect((await cli('cursr')).error.code).toBe('CLIENT_UNKNOWN')
    expect((await cli('cursor', '--on', 'https://x.example/mcp', '--auth', 'sigv4')).error.code).toBe('AWS_SCOPE_UNKNOWN') // prettier-ignore
  }, 60_000)
})

it('fairlead token lists and forgets what is kept in the user’s own folder', async () => {
  const env = { FAIRLEAD_HOME: join(project.dir, 'home') }
  expect((await fairlead(['token', '--list'], { cwd: '/', env })).stdout).toBe('No tokens are kept.\n')
  expect((await fairlead(['token', '--forget'], { cwd: '/', env })).stdout).toBe('0 tokens were forgotten.\n')
}, 30_000)

/** Each platform has one of these. */
function callOf(names: string[]): { name: string; arguments: Record<string, unknown> } {
  if (names.includes('get_account_summary'))
    return { name: 'get_account_summary', arguments: { account_id: '012345678901' } }
  expect(names).toContain('orders___get_order')
  return { name: 'orders___get_order', arguments: { order_id: 'A-1002' } }
}

async function feed(words: string[], input: string, env: Record<string, string> = {}) {
  const child = spawn(process.execPath, [bin, 'proxy', ...words], {
    cwd: project.dir,
    env: { ...process.env, ...env },
  })
  let [stdout, stderr] = ['', '']
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()))
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()))
  child.stdin.on('error', () => {})
  child.stdin.end(input)
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve))
  return { stdout, stderr, code }
}
