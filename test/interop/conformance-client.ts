// What the conformance suite starts as a client: the official SDK's client, whose only way to the server is `fairlead proxy`.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Client } from '@modelcontextprotocol/client'
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio'

/** The base class starts a second process to ask which era the server has; a subclass asks in the one that there is. */
class ProxyTransport extends StdioClientTransport {}

interface Context {
  client_id?: string
  client_secret?: string
  toolCalls?: { name: string; arguments: Record<string, unknown> }[]
}

const url = process.argv[2]!
const scenario = process.env.MCP_CONFORMANCE_SCENARIO ?? ''
const modern = process.env.MCP_CONFORMANCE_PROTOCOL_VERSION === '2026-07-28'
const context = JSON.parse(process.env.MCP_CONFORMANCE_CONTEXT ?? '{}') as Context
const home = mkdtempSync(join(tmpdir(), 'fairlead-conformance-'))
const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url))

const client = new Client(
  { name: 'conformance', version: '1.0.0' },
  {
    capabilities: { elicitation: { form: { applyDefaults: true } }, sampling: {}, roots: {} },
    ...(modern ? { versionNegotiation: { mode: 'auto' as const } } : {}),
  },
)
client.setRequestHandler('elicitation/create', async ({ params }) => ({
  action: 'accept',
  content: scenario.includes('defaults')
    ? {}
    : (sample((params as { requestedSchema?: unknown }).requestedSchema) as Record<string, string>),
}))
const transport = new ProxyTransport({
  command: process.execPath,
  args: [path('../../bin/fairlead.js'), 'proxy', url, ...authFlags()],
  env: {
    PATH: process.env.PATH ?? '',
    BROWSER: path('follow-redirects.mjs'),
    FAIRLEAD_HOME: home,
    ...(context.client_secret ? { FAIRLEAD_CLIENT_SECRET: context.client_secret } : {}),
  },
  stderr: 'inherit',
})
try {
  await client.connect(transport)
  const { tools } = await client.listTools()
  const calls = context.toolCalls ?? tools.map(({ name, inputSchema }) => ({ name, arguments: sample(inputSchema) }))
  for (const call of calls as NonNullable<Context['toolCalls']>)
    await client.callTool(call).catch((error: unknown) => console.error(`${call.name}: ${String(error)}`))
  const { resources, prompts } = client.getServerCapabilities() ?? {}
  for (const { uri } of resources ? (await client.listResources()).resources : []) await client.readResource({ uri })
  for (const { name } of prompts ? (await client.listPrompts()).prompts : []) await client.getPrompt({ name })
} catch (error) {
  console.error(String(error))
  process.exitCode = 1
}
await client.close()
rmSync(home, { recursive: true, force: true })

function authFlags(): string[] {
  if (!scenario.startsWith('auth/')) return []
  const machine = scenario.startsWith('auth/client-credentials')
  return [
    '--client',
    context.client_id ?? 'https://conformance-test.local/client-metadata.json',
    ...(machine ? ['--client-credentials'] : []),
  ]
}

/** Something that a schema takes. */
function sample(schema: unknown): unknown {
  const { type, properties = {}, enum: values } = (schema ?? {}) as Record<string, unknown> & { enum?: unknown[] }
  if (values) return values[0]
  if (type === 'object' || type === undefined)
    return Object.fromEntries(Object.entries(properties as object).map(([key, each]) => [key, sample(each)]))
  if (type === 'string') return 'text'
  if (type === 'boolean') return true
  return type === 'array' ? [] : 5
}
