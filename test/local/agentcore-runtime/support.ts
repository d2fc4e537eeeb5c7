import { fileURLToPath } from 'node:url'
import { join } from 'node:path'
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import { sigv4Fetch } from '../../../src/auth/sigv4/fetch.ts'
import { buildArtifact } from '../../../src/build/build.ts'
import type { AgentcoreRuntimeConfig } from '../../../src/config.ts'
import {
  startAgentcoreRuntimePlatform,
  type RunningRuntime,
  type RuntimeTimes,
} from '../../../src/local/agentcore-runtime/platform.ts'
import { Faults } from '../../../src/local/faults.ts'
import { loadIdentities } from '../../../src/local/iam/identities.ts'
import { RequestLog, type RequestRecord } from '../../../src/local/requests.ts'
import type { IamIdentity } from '../../../src/local/state.ts'
import { localAccount } from '../../../src/platforms.ts'
import { temporaryFolder } from '../../support/temporary.ts'
import { logged } from '../../support/log-capture.ts'

const entry = fileURLToPath(new URL('../../fixtures/runtime-server.ts', import.meta.url))

export interface TestRuntime {
  runtime: RunningRuntime
  url: string
  faults: Faults
  agent: IamIdentity
  stranger: IamIdentity
  folder: string
  /** Signs as the agent. */
  signed: typeof fetch
  /** What the terminal of `fairlead dev` would say of the requests. */
  records: RequestRecord[]
  /** Resolves with the record of the next request whose answer has ended. */
  nextRecord(): Promise<RequestRecord>
  close(): Promise<void>
}

/** Starts a runtime with test/fixtures/runtime-server.ts, or with an artifact that is there already. */
export async function startRuntime(
  config: AgentcoreRuntimeConfig = {},
  times: RuntimeTimes = {},
  artifact?: (folder: string) => Promise<string>,
): Promise<TestRuntime> {
  const folder = await temporaryFolder()
  const project = {
    name: 'test-runtime',
    server: { kind: 'module' as const, entry },
    platforms: { 'agentcore-runtime': config },
  }
  const artifactDir = artifact
    ? await artifact(folder.path)
    : (await buildArtifact({ projectDir: folder.path, config: project, outDir: join(folder.path, 'artifact') })).dir
  const identities = loadIdentities(folder.path, localAccount)
  const records: RequestRecord[] = []
  const waiting: ((record: RequestRecord) => void)[] = []
  const requests = new RequestLog(folder.path, (record) => {
    records.push(record)
    waiting.shift()?.(record)
  })
  const faults = new Faults()
  const runtime = await startAgentcoreRuntimePlatform(
    {
      project: { dir: folder.path, configFile: '', config: project },
      artifactDir,
      port: 0,
      identities,
      env: {},
      requests,
      faults,
      log: logged,
    },
    times,
  )
  const [agent, stranger] = identities as [IamIdentity, IamIdentity]
  return {
    runtime,
    url: runtime.endpoint.url,
    faults,
    agent,
    stranger,
    folder: folder.path,
    signed: signedBy(agent),
    records,
    nextRecord: () => new Promise((resolve) => waiting.push(resolve)),
    close: async () => {
      await runtime.close()
      requests.flush()
      await folder.remove()
    },
  }
}

export function signedBy(identity: IamIdentity, service = 'bedrock-agentcore', region = 'us-east-1'): typeof fetch {
  return sigv4Fetch({ credentials: identity, service, region })
}

/** Connects the official client; legacy unless told otherwise. */
export async function connect(
  url: string,
  fetch: typeof globalThis.fetch,
  mode: 'legacy' | { pin: string } = 'legacy',
): Promise<Client> {
  const client = new Client({ name: 'test', version: '1' }, { versionNegotiation: { mode } })
  await client.connect(new StreamableHTTPClientTransport(new URL(url), { fetch }))
  return client
}

/** Calls a tool whose text is JSON. */
export async function ask<T>(client: Client, name: string, args: Record<string, unknown> = {}): Promise<T> {
  const { content } = await client.callTool({ name, arguments: args })
  return JSON.parse((content as { text: string }[])[0]!.text) as T
}

export const accept = { 'content-type': 'application/json', accept: 'application/json, text/event-stream' }

/** A JSON-RPC request, as text. */
export function rpc(method: string, params: Record<string, unknown> = {}, id: number | string = 7): string {
  return JSON.stringify({ jsonrpc: '2.0', id, method, params })
}

export interface Answer {
  status: number
  headers: Headers
  body: { id?: unknown; result?: { content?: { text: string }[] }; error?: { code: number; message: string } }
}

/** Posts and reads JSON, or the one message of an event stream. */
export async function post(
  fetch: typeof globalThis.fetch,
  url: string,
  body: string | Uint8Array<ArrayBuffer>,
  headers: Record<string, string> = {},
): Promise<Answer> {
  const response = await fetch(url, { method: 'POST', body, headers: { ...accept, ...headers } })
  const text = await response.text()
  return {
    status: response.status,
    headers: response.headers,
    body: text === '' ? {} : (JSON.parse(text) as Answer['body']),
  }
}
