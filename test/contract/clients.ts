import { Client as ClientV2, StreamableHTTPClientTransport as TransportV2 } from '@modelcontextprotocol/client'
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport as TransportV1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { revisions } from '../../src/mcp/revisions.ts'
import type { ScriptedProvider } from './scripted-provider.ts'

export type Revision = keyof typeof revisions
export const legacyRevisions = (Object.keys(revisions) as Revision[]).filter(
  (revision) => revisions[revision].era === 'legacy',
)

export interface Target {
  url: string
  /** Signs, where the platform wants it. */
  fetch: typeof fetch
  /** Signs in, where the platform wants a token: the clients find their own way from the 401. */
  provider?: ScriptedProvider
  /** The id of the caller, as tools see it. */
  principal: string
  /** What the platform makes of a refusal of the server, where it does not let it through as it is. */
  refusal?: (status: number) => { status: number; code: number }
  /** A gateway stands in front of the server: it speaks for itself, and its tools have its target's name. */
  gateway?: { serverName: string; prefix: string }
  close(): Promise<void>
}

/** What the suite needs of a client, whichever SDK it comes from. */
export interface AnyClient {
  revision(): string | undefined
  serverName(): string | undefined
  listTools(): Promise<{ name: string }[]>
  call(
    name: string,
    args?: Record<string, unknown>,
    onprogress?: (progress: number) => void,
  ): Promise<{ content: { type: string; text?: string }[]; structuredContent?: unknown; isError?: boolean }>
  readText(uri: string): Promise<string>
  prompt(name: string, args: Record<string, string>): Promise<string>
  close(): Promise<void>
}

type Connect = (target: Target, revision: Revision, name?: string) => Promise<AnyClient>

/** The clients of the official SDK. Neither offers an older legacy revision by itself: its `initialize` is changed on its way. */
export const clients: Record<string, { revisions: readonly Revision[]; connect: Connect }> = {
  'SDK v2': {
    revisions: [...legacyRevisions, '2026-07-28'],
    connect: async (target, revision, name = 'v2') => {
      const mode = revision === '2026-07-28' ? { pin: revision } : 'legacy'
      const client = new ClientV2({ name, version: '1.0.0' }, { versionNegotiation: { mode } })
      await connected(target, async () => {
        const { provider } = target
        const transport = new TransportV2(new URL(target.url), {
          fetch: offering(provider ? fetch : target.fetch, revision),
          ...(provider ? { authProvider: provider } : {}),
        })
        await client.connect(transport).catch(async (error: unknown) => {
          if (provider?.came) await transport.finishAuth(provider.came)
          throw error
        })
      })
      return {
        revision: () => client.getNegotiatedProtocolVersion(),
        serverName: () => client.getServerVersion()?.name,
        listTools: async () => (await client.listTools()).tools,
        call: async (tool, args = {}, onprogress) =>
          (await client.callTool(
            { name: tool, arguments: args },
            onprogress ? { onprogress: ({ progress }) => onprogress(progress) } : {},
          )) as never,
        readText: async (uri) => ((await client.readResource({ uri })).contents[0] as { text: string }).text,
        prompt: async (prompt, args) =>
          ((await client.getPrompt({ name: prompt, arguments: args })).messages[0]!.content as { text: string }).text,
        close: () => client.close(),
      }
    },
  },
  'SDK v1': {
    revisions: legacyRevisions,
    connect: async (target, revision, name = 'v1') => {
      const client = new ClientV1({ name, version: '1.0.0' })
      const transport = await connected(target, async () => {
        const { provider } = target
        const made = new TransportV1(new URL(target.url), {
          fetch: offering(provider ? fetch : target.fetch, revision),
          ...(provider ? { authProvider: provider } : {}),
        })
        await client.connect(made as never).catch(async (error: unknown) => {
          if (provider?.came) await made.finishAuth(provider.came.get('code')!)
          throw error
        })
        return made
      })
      return {
        revision: () => transport.protocolVersion,
        serverName: () => client.getServerVersion()?.name,
        listTools: async () => (await client.listTools()).tools,
        call: async (tool, args = {}, onprogress) =>
          (await client.callTool(
            { name: tool, arguments: args },
            undefined,
            onprogress ? { onprogress: ({ progress }) => onprogress(progress) } : {},
          )) as never,
        readText: async (uri) => ((await client.readResource({ uri })).contents[0] as { text: string }).text,
        prompt: async (prompt, args) =>
          ((await client.getPrompt({ name: prompt, arguments: args })).messages[0]!.content as { text: string }).text,
        close: () => client.close(),
      }
    },
  },
}

/** Connects; once more after a sign-in, as an application does when the person is back from the browser. */
async function connected<T>({ provider }: Target, connect: () => Promise<T>): Promise<T> {
  try {
    return await connect()
  } catch (error) {
    if (!provider?.came) throw error
    provider.came = undefined
    return connect()
  }
}

function offering(inner: typeof fetch, revision: Revision): typeof fetch {
  return (input, init) => {
    const body =
      typeof init?.body === 'string' && init.body.includes('"method":"initialize"')
        ? init.body.replace(/"protocolVersion":"[^"]+"/, `"protocolVersion":"${revision}"`)
        : init?.body
    return inner(input, { ...init, ...(body === undefined ? {} : { body }) })
  }
}
