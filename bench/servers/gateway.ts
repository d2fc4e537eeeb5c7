// What stands beside the gateway in its bench, each in a process of its own: an upstream, the bare proxy, an issuer of tokens.
import { createServer, request, Agent } from 'node:http'
import type { AddressInfo } from 'node:net'
import { generateKeyPairSync, sign } from 'node:crypto'

const [kind, upstream = ''] = process.argv.slice(2)
const kilobyte = {
  items: Array.from({ length: 12 }, (_, id) => ({ id, name: `item ${id}`, text: 'hello '.repeat(8) })),
}
const answer = JSON.stringify(kilobyte)

const starters: Record<string, () => Promise<string>> = { rest, mcp, proxy, issuer }
const url = await starters[kind!]!()
process.on('SIGINT', () => process.exit(0))
process.on('message', (what) => {
  const { user, system } = process.cpuUsage()
  process.send!(what === 'cpu' ? user + system : process.memoryUsage().rss / 1e6)
})
process.send!(url)

async function open(server: ReturnType<typeof createServer>): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** An API that answers a kilobyte. */
async function rest(): Promise<string> {
  return open(
    createServer((req, res) => {
      req
        .resume()
        .on('end', () =>
          res.writeHead(200, { 'content-type': 'application/json', 'content-length': answer.length }).end(answer),
        )
    }),
  )
}

/** An MCP server that does as little as one can, in both eras. */
async function mcp(): Promise<string> {
  return open(
    createServer((req, res) => {
      const chunks: Buffer[] = []
      if (req.method !== 'POST') return void res.writeHead(405).end()
      req
        .on('data', (chunk: Buffer) => chunks.push(chunk))
        .on('end', () => {
          const { id, method, params } = JSON.parse(Buffer.concat(chunks).toString()) as {
            id?: unknown
            method: string
            params?: { _meta?: object }
          }
          if (id === undefined) return void res.writeHead(202).end()
          const result =
            method === 'initialize'
              ? {
                  protocolVersion: '2025-11-25',
                  capabilities: { tools: {} },
                  serverInfo: { name: 'bench', version: '1' },
                }
              : method === 'server/discover'
                ? {
                    supportedVersions: ['2026-07-28'],
                    capabilities: { tools: {} },
                    resultType: 'complete',
                    ttlMs: 0,
                    cacheScope: 'public',
                  }
                : method === 'tools/list'
                  ? {
                      tools: [
                        { name: 'echo', inputSchema: { type: 'object', properties: { text: { type: 'string' } } } },
                      ],
                    }
                  : { resultType: 'complete', content: [{ type: 'text', text: answer }], ...(params ? {} : {}) }
          const text = JSON.stringify({ jsonrpc: '2.0', id, result })
          res
            .writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) })
            .end(text)
        })
    }),
  )
}

/** What one writes to pass requests on, and nothing else. */
async function proxy(): Promise<string> {
  const agent = new Agent({ keepAlive: true, maxSockets: 128 })
  const to = new URL(upstream)
  return open(
    createServer((req, res) => {
      const out = request(
        { host: to.hostname, port: to.port, method: req.method, path: req.url, headers: req.headers, agent },
        (back) => {
          res.writeHead(back.statusCode!, back.headers)
          back.pipe(res)
        },
      )
      req.pipe(out)
    }),
  )
}

/** An issuer of tokens, and a token of it. */
async function issuer(): Promise<string> {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const keys = { keys: [{ ...publicKey.export({ format: 'jwk' }), kid: 'k', alg: 'RS256', use: 'sig' }] }
  let own = ''
  own = await open(
    createServer((req, res) => {
      const body = req.url === '/jwks' ? keys : { issuer: own, jwks_uri: `${own}/jwks` }
      res.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body))
    }),
  )
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const now = Math.floor(Date.now() / 1000)
  const unsigned = `${part({ alg: 'RS256', kid: 'k' })}.${part({ iss: own, aud: 'bench', sub: 'ada', iat: now, exp: now + 3600 })}`
  return `${own}#${unsigned}.${sign('sha256', Buffer.from(unsigned), privateKey).toString('base64url')}`
}
