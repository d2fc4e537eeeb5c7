// Calls the running sample with the official SDK client, over a `fetch` that signs, and checks what comes back.
// Run it beside `npm start`:  npm run client --workspace examples/account-summary
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import { sigv4Fetch } from 'fairlead'

const account_id = '111122223333'
const { endpoints, identities } = local()
const agent = identities.iam.find(({ name }) => name === 'agent')!
const modes = ['legacy', { pin: '2026-07-28' }] as const

for (const [platform, { url, service, region }] of Object.entries(endpoints)) {
  if (service === undefined || region === undefined) continue
  const signed = sigv4Fetch({ credentials: agent, service, region })
  for (const mode of modes) await check(platform, url, signed, mode)
}

async function check(platform: string, url: string, signed: typeof fetch, mode: (typeof modes)[number]): Promise<void> {
  const client = new Client({ name: 'sample-client', version: '1.0.0' }, { versionNegotiation: { mode } })
  await client.connect(new StreamableHTTPClientTransport(new URL(url), { fetch: signed }))
  const { tools } = await client.listTools()
  assert.deepEqual(tools.map(({ name }) => name).toSorted(), [
    'find_idle_resources',
    'get_account_summary',
    'tag_resource',
  ])

  const summary = await client.callTool({ name: 'get_account_summary', arguments: { account_id } })
  assert.equal((summary.structuredContent as { account_id: string }).account_id, account_id)

  const steps: number[] = []
  await client.callTool(
    { name: 'find_idle_resources', arguments: { account_id } },
    { onprogress: ({ progress }) => steps.push(progress) },
  )
  assert.deepEqual(steps, [1, 2, 3, 4, 5])

  const wrong = await client.callTool({ name: 'get_account_summary', arguments: { account_id: '1234' } })
  assert.equal(wrong.isError, true)
  console.log(
    `ok  ${platform}  ${client.getNegotiatedProtocolVersion()}  ${tools.length} tools, a call, five steps of progress, a wrong argument refused`,
  )
  await client.close()
}

function local(): {
  endpoints: Record<string, { url: string; service?: string; region?: string }>
  identities: { iam: { name: string; accessKeyId: string; secretAccessKey: string; sessionToken?: string }[] }
} {
  try {
    return JSON.parse(readFileSync(new URL('.fairlead/local.json', import.meta.url), 'utf8')) as ReturnType<
      typeof local
    >
  } catch {
    console.error('Nothing runs here. Start it first: npm start')
    process.exit(4)
  }
}
