// The parts of the gateway's bench, each in a process of its own: an upstream, the bare proxy, the gateway.
import { createServer, request, Agent } from 'node:http'
import type { AddressInfo } from 'node:net'
import { generateKeyPairSync, sign } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createCustomJwtAuthorizer } from '../../src/auth/bearer/custom-jwt.ts'
import { listen } from '../../src/http/node-server.ts'
import { noBindings } from '../../src/gateway/bindings.ts'
import { readGateway, readTarget } from '../../src/gateway/definitions/read.ts'
import { jwtInbound, noInbound } from '../../src/gateway/inbound.ts'
import { openGateway } from '../../src/gateway/open.ts'
import { audited } from '../../src/adapters/audit.ts'

const [kind, upstream = '', guard] = process.argv.slice(2)
const kilobyte = {
  items: Array.from({ length: 12 }, (_, id) => ({ id, name: `item ${id}`, text: 'hello '.repeat(8) })),
}
const answer = JSON.stringify(kilobyte)

const starters: Record<string, () => Promise<string>> = { rest, mcp, proxy, gateway, github }
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
      req
        .on('data', (chunk: Buffer) => chunks.push(chunk))
        .on('end', () => {
          const { id, method, params } = JSON.parse(Buffer.concat(chunks).toString()) as {
            id?: unknown
            method: string
            params?: { _meta?: object }
          }
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

async function gateway(): Promise<string> {
  const schema = {
    type: 'object',
    required: ['text'],
    properties: { text: { type: 'string', minLength: 1 }, n: { type: 'integer' } },
  }
  const document = {
    openapi: '3.0.3',
    info: { title: 'API', version: '1' },
    servers: [{ url: 'https://api.example.com' }],
    paths: {
      '/echo/{id}': {
        post: {
          operationId: 'echo',
          parameters: [{ name: 'id', in: 'path', required: true, schema: { type: 'string' } }],
          requestBody: { required: true, content: { 'application/json': { schema } } },
          responses: { 200: { description: 'OK' } },
        },
      },
    },
  }
  const targets = [
    { name: 'api', targetConfiguration: { mcp: { openApiSchema: { inlinePayload: JSON.stringify(document) } } } },
    { name: 'mcp', targetConfiguration: { mcp: { mcpServer: { endpoint: 'https://api.example.com/mcp' } } } },
  ]
  return serve(targets.filter(({ name }) => name === (guard === 'mcp' ? 'mcp' : 'api')))
}

async function github(): Promise<string> {
  const file = new URL(
    '../../tools/interop/node_modules/@octokit/openapi/generated/api.github.com.json',
    import.meta.url,
  )
  return serve([
    { name: 'github', targetConfiguration: { mcp: { openApiSchema: { inlinePayload: readFileSync(file, 'utf8') } } } },
  ])
}

async function serve(targets: object[]): Promise<string> {
  const jwt = guard === 'jwt' ? await issuer() : undefined
  const opened = await openGateway({
    gateway: readGateway({ name: 'bench', roleArn: 'arn:aws:iam::111122223333:role/gateway', authorizerType: 'NONE' }),
    targets: targets.map((target) => readTarget(target)),
    bindings: { ...noBindings, endpoints: upstream === '' ? {} : { 'https://api.example.com': upstream } },
    invoke: async ({ payload }) => ({ payload }),
    roleCredentials: async () => ({ accessKeyId: 'A', secretAccessKey: 'b' }),
    region: 'us-east-1',
    inbound: jwt ? jwtInbound({ authorizer: jwt.authorizer, resource: () => 'http://127.0.0.1/mcp' }) : noInbound,
  })
  // An audit line for each call, as the artifact writes it.
  const handler = jwt ? audited(opened.fetch, () => {}) : opened.fetch
  const server = await listen(handler)
  return jwt ? `${server.url}#${jwt.token}` : server.url
}

async function issuer(): Promise<{ authorizer: ReturnType<typeof createCustomJwtAuthorizer>; token: string }> {
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
  const token = `${unsigned}.${sign('sha256', Buffer.from(unsigned), privateKey).toString('base64url')}`
  return {
    authorizer: createCustomJwtAuthorizer({
      discoveryUrl: `${own}/.well-known/openid-configuration`,
      allowedAudience: ['bench'],
    }),
    token,
  }
}
