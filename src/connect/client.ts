import { Client, StreamableHTTPClientTransport, type ClientOptions } from '@modelcontextprotocol/client'
import { FairleadError } from '../errors.ts'
import type { LightFetch } from '../http/light-fetch.ts'
import { quoted, readText, withoutQuery } from '../http/quoted.ts'
import { newest } from '../mcp/revisions.ts'

export interface ConnectOptions {
  url: string
  /** Signs or authorizes; plain `fetch` by default. */
  fetch?: LightFetch
  /** `auto` asks for 2026-07-28 first and falls back; the others insist. */
  era?: 'auto' | 'legacy' | 'modern'
  version: string
}

/**
 * Connects the official client to an endpoint.
 * Throws UNREACHABLE when nothing answers, ACCESS_DENIED when it refuses, NOT_MCP when what answers is no MCP server.
 */
export async function connectClient(options: ConnectOptions): Promise<Client> {
  const mode: NonNullable<ClientOptions['versionNegotiation']>['mode'] =
    options.era === 'legacy' ? 'legacy' : options.era === 'modern' ? { pin: newest.modern } : 'auto'
  const client = new Client({ name: 'fairlead', version: options.version }, { versionNegotiation: { mode } })
  const seen: Seen = {}
  const transport = new StreamableHTTPClientTransport(new URL(options.url), {
    fetch: remember(asFetch(options.fetch ?? fetch), seen),
  })
  try {
    await client.connect(transport)
    return client
  } catch (error) {
    await client.close().catch(() => {})
    throw explained(error, options.url, seen)
  }
}

/** A sender in the words of the SDK's transport, which gives headers and a body of text, and reads a real `Response`. */
function asFetch(send: LightFetch): typeof fetch {
  return async (input, init = {}) => {
    const { method, signal, body } = init
    const answer = await send(input as string | URL, {
      headers: Object.fromEntries(new Headers(init.headers)),
      ...(method === undefined ? {} : { method }),
      ...(signal ? { signal } : {}),
      ...(typeof body === 'string' ? { body } : {}),
    })
    if (answer instanceof Response) return answer
    return new Response(await readText(answer, maxRefusal), { status: answer.status, headers: [...answer.headers] })
  }
}

/** What is not a `Response` is a refusal that was read already. */
const maxRefusal = 1024 * 1024

interface Seen {
  status?: number
  body?: string
  /** What our own signing or signing in threw. */
  thrown?: FairleadError
}

/** Notes the last refusal and our own errors, since the client's error does not carry them. */
function remember(inner: typeof fetch, seen: Seen): typeof fetch {
  return async (input, init) => {
    const response = await inner(input, init).catch((error: unknown) => {
      if (error instanceof FairleadError) seen.thrown = error
      throw error
    })
    seen.status = response.status
    if (response.status >= 400)
      seen.body = quoted(
        await response
          .clone()
          .text()
          .catch(() => ''),
      )
    return response
  }
}

/** Turns what the client threw into one of our errors. */
function explained(error: unknown, url: string, seen: Seen): FairleadError {
  if (error instanceof FairleadError) return error
  if (seen.thrown) return seen.thrown
  if (seen.status === undefined)
    return new FairleadError('UNREACHABLE', `Nothing answers at ${withoutQuery(url)}`, { cause: error })
  if (seen.status === 401 || seen.status === 403)
    return new FairleadError('ACCESS_DENIED', `${withoutQuery(url)} refused the caller with ${seen.status}`, {
      ...(seen.body ? { why: `It said: ${seen.body}` } : {}),
      cause: error,
    })
  return new FairleadError('NOT_MCP', `${withoutQuery(url)} answered ${seen.status}, and not as an MCP server does`, {
    cause: error,
  })
}
