import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import { declared, rpc } from '../mcp/support/task-endpoint.ts'

/** The part of @modelcontextprotocol/ext-tasks that is used; it is installed for `npm run interop` alone. */
interface ExtTasks {
  createTaskSessionFromClient(client: Client, options: object): Session
}
interface Session {
  callTool(
    name: string,
    args: object,
  ): Promise<{ kind: string; settle(): Promise<{ outcome: Outcome }>; cancel(): Promise<void> }>
  close(): Promise<void>
}
interface Outcome {
  status: string
  result?: { content: { text?: string }[] }
  error?: { code?: number; message: string }
}

/** What is called, and how the library says that it ended. */
const calls: [name: string, args: object, expected: string, during?: 'cancel'][] = [
  ['greet', { name: 'Ada' }, 'immediate completed Hello, Ada!'],
  ['slow_compute', { seconds: 1, label: 'sum' }, 'task completed sum: done'],
  ['confirm_delete', { filename: 'a.txt' }, 'task completed a.txt is gone'],
  ['multi_input', {}, 'task completed Ada Ada'],
  ['test_tool_with_task', {}, 'task completed Hello, Ada!'],
  ['failing_job', {}, 'task completed The job failed'],
  ['protocol_error_job', {}, 'task failed -32603'],
  ['slow_compute', { seconds: 60, label: 'never' }, 'task cancelled', 'cancel'],
]

/** Lets the extension's own client library make tasks, answer what they ask, cancel one, and see one fail. */
export async function extTasks(url: string): Promise<{ ok: boolean; said: string }> {
  const path = new URL(
    '../../tools/interop/node_modules/@modelcontextprotocol/ext-tasks/dist/client/index.js',
    import.meta.url,
  )
  const { createTaskSessionFromClient } = (await import(path.href)) as ExtTasks
  const client = new Client(
    { name: 'ext-tasks', version: '1.0.0' },
    { capabilities: declared, versionNegotiation: { mode: { pin: '2026-07-28' } } },
  )
  await client.connect(new StreamableHTTPClientTransport(new URL(url)))
  const session = createTaskSessionFromClient(client, {
    endpointId: url,
    rawDispatch: async ({ method, params }: { method: string; params: Record<string, unknown> }) => {
      const { error, result } = await rpc(url, method, params)
      return error ? { kind: 'error', error } : { kind: 'result', result }
    },
    v2RequestFraming: {
      protocolVersion: '2026-07-28',
      clientInfo: { name: 'ext-tasks', version: '1.0.0' },
      clientCapabilities: declared,
    },
    onInputRequest: async () => ({ action: 'accept', content: { confirm: true, name: 'Ada' } }),
  })
  const run = async (name: string, args: object, during?: 'cancel'): Promise<string> => {
    const execution = await session.callTool(name, args)
    if (during) await execution.cancel()
    const { outcome } = await execution.settle()
    const said = outcome.result?.content[0]?.text ?? outcome.error?.code ?? outcome.error?.message ?? ''
    return `${execution.kind} ${outcome.status} ${said}`.trim()
  }
  let good = 0
  const wrong: string[] = []
  for (const [name, args, expected, during] of calls) {
    const found = await run(name, args, during)
    if (found === expected) good++
    else wrong.push(`${name}: ${found}, and not ${expected}`)
  }
  await session.close()
  await client.close()
  return { ok: wrong.length === 0, said: [`${good} of ${calls.length} calls`, ...wrong].join('; ') }
}
