// A small MCP server, right in everything, with a switch for each thing that the files beside it get wrong.
import { randomUUID } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'

export interface Wrong {
  /** Any web page may call. */
  anyOrigin?: true
  /** The 401 says nothing of where to sign in. */
  noChallenge?: true
  /** The metadata is for another resource: its last slash is too many. */
  otherResource?: true
  /** The authorization server does not say that it does PKCE. */
  noPkce?: true
  /** A notification is answered, and the answer never ends. */
  endless?: true
  /** A tool without a schema. */
  noSchema?: true
  /** Answers are called HTML. */
  html?: true
  /** A session that nobody knows is taken. */
  anySession?: true
  /** The endpoint sends everyone in a circle. */
  redirects?: true
  /** Every answer begins, and streams for ever. */
  forever?: true
  /** A stream is held back until it has ended. */
  buffered?: true
  /** Each answer names another session. */
  rotates?: true
  /** A connection is closed after five seconds, as Node does by itself: sooner than a load balancer lets go of it. */
  shortKeepAlive?: true
}

interface Message {
  id?: number | string
  method?: string
  params?: { protocolVersion?: string; name?: string }
}

const revisions = ['2025-11-25', '2025-06-18', '2025-03-26']

/** Serves on PORT, or a free port, and prints its URL as JSON. `guarded`: asks for a token that nobody has. */
export function serve(wrong: Wrong, { guarded = false } = {}): void {
  const server = createServer((req, res) => void answer(req, res).catch(() => res.destroy()))
  const origin = () => `http://127.0.0.1:${(server.address() as { port: number }).port}`
  const json = (res: ServerResponse, status: number, value: unknown, headers: Record<string, string> = {}) => {
    const type = wrong.html && status === 200 ? 'text/html' : 'application/json'
    res.writeHead(status, { 'content-type': type, ...headers }).end(JSON.stringify(value))
  }

  async function answer(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const path = (req.url ?? '/').split('?')[0]!
    if (path.startsWith('/.well-known/')) return metadata(path, res)
    if (path !== '/mcp' && path !== '/elsewhere') return json(res, 404, { error: 'not found' })
    if (wrong.redirects) return void res.writeHead(307, { location: path === '/mcp' ? '/elsewhere' : '/mcp' }).end()
    if (wrong.forever) return stream(res)
    if (!wrong.anyOrigin && req.headers.origin !== undefined) return json(res, 403, { error: 'origin' })
    if (!/^(127\.0\.0\.1|localhost)(:\d+)?$/.test(req.headers.host ?? '')) return json(res, 403, { error: 'host' })
    if (guarded) return challenge(res)
    if (req.method !== 'POST') return json(res, 405, { error: 'method' }, { allow: 'POST' })
    if (Number(req.headers['content-length'] ?? 0) > 4_000_000) return json(res, 413, { error: 'too large' })
    const version = req.headers['mcp-protocol-version']
    if (version !== undefined && !revisions.includes(String(version)))
      return json(res, 400, failed(null, -32600, 'revision'))
    await reply(req, res)
  }

  async function reply(req: IncomingMessage, res: ServerResponse): Promise<void> {
    let body = ''
    for await (const chunk of req) body += String(chunk)
    let message: Message
    try {
      message = JSON.parse(body) as Message
    } catch {
      return json(res, 400, failed(null, -32700, 'not JSON'))
    }
    const { id, method = '', params } = message
    const session = req.headers['mcp-session-id']
    if (!wrong.anySession && method !== 'initialize' && session !== undefined && session !== 'the-session')
      return json(res, 404, failed(id ?? null, -32001, 'no such session'))
    if (id === undefined) {
      res.writeHead(202).flushHeaders()
      if (!wrong.endless) res.end()
      return
    }
    if (method === 'tools/call' && params?.name === 'count') return count(id, res)
    const result = resultOf(method, params)
    const turned = wrong.rotates ? { 'mcp-session-id': randomUUID() } : undefined
    json(
      res,
      200,
      result ? { jsonrpc: '2.0', id, result } : failed(id, method === 'tools/call' ? -32602 : -32601, 'unknown'),
      method === 'initialize' ? { 'mcp-session-id': 'the-session' } : turned,
    )
  }

  /** Counts to four, and reports each. */
  async function count(id: number | string, res: ServerResponse): Promise<void> {
    res.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders()
    const events: string[] = []
    const write = (message: object) => {
      events.push(`data: ${JSON.stringify({ jsonrpc: '2.0', ...message })}\n\n`)
      if (!wrong.buffered) res.write(events.pop())
    }
    for (let progress = 1; progress <= 4; progress++) {
      write({ method: 'notifications/progress', params: { progressToken: 'doctor', progress, total: 4 } })
      await sleep(100)
    }
    write({ id, result: { content: [{ type: 'text', text: '4' }] } })
    res.end(events.join(''))
  }

  function resultOf(method: string, params: Message['params']): unknown {
    const asked = params?.protocolVersion ?? ''
    if (method === 'initialize')
      return {
        protocolVersion: revisions.includes(asked) ? asked : revisions[0],
        capabilities: { tools: {} },
        serverInfo: { name: 'broken', version: '1.0.0' },
      }
    if (method === 'ping') return {}
    const schema = wrong.noSchema ? {} : { inputSchema: { type: 'object' } }
    if (method === 'tools/list')
      return {
        tools: [
          { name: 'wave', description: 'Waves back.', ...schema },
          { name: 'count', description: 'Counts to four, and reports each.', inputSchema: { type: 'object' } },
        ],
      }
    return method === 'tools/call' && params?.name === 'wave'
      ? { content: [{ type: 'text', text: 'hello' }] }
      : undefined
  }

  function challenge(res: ServerResponse): void {
    const value = `Bearer resource_metadata="${origin()}/.well-known/oauth-protected-resource/mcp", scope="read"`
    json(res, 401, { error: 'unauthorized' }, wrong.noChallenge ? {} : { 'www-authenticate': value })
  }

  function metadata(path: string, res: ServerResponse): void {
    if (path.startsWith('/.well-known/oauth-protected-resource'))
      return json(res, 200, {
        resource: `${origin()}/mcp${wrong.otherResource ? '/' : ''}`,
        authorization_servers: [origin()],
        scopes_supported: ['read'],
      })
    json(res, 200, {
      issuer: origin(),
      authorization_endpoint: `${origin()}/authorize`,
      token_endpoint: `${origin()}/token`,
      registration_endpoint: `${origin()}/register`,
      authorization_response_iss_parameter_supported: true,
      ...(wrong.noPkce ? {} : { code_challenge_methods_supported: ['S256'] }),
    })
  }

  function stream(res: ServerResponse): void {
    res.writeHead(200, { 'content-type': 'text/event-stream' })
    const timer = setInterval(() => res.write(': still here\n\n'), 20)
    res.on('close', () => clearInterval(timer))
  }

  if (!wrong.shortKeepAlive) server.keepAliveTimeout = 310_000
  server.listen(Number(process.env.PORT ?? 0), '127.0.0.1', () =>
    console.log(JSON.stringify({ url: `${origin()}/mcp` })),
  )
}

function failed(id: unknown, code: number, message: string): unknown {
  return { jsonrpc: '2.0', id, error: { code, message } }
}
