import { spawn } from 'node:child_process'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { sigv4Fetch } from '../../src/auth/sigv4/fetch.ts'
import { verify } from '../../src/auth/sigv4/verify.ts'
import { buildGateway } from '../../src/build/agentcore-gateway.ts'
import { listen } from '../../src/http/node-server.ts'
import { createIamGuard } from '../../src/local/iam/guard.ts'
import { loadIdentities } from '../../src/local/iam/identities.ts'
import { functionAccess } from '../../src/local/lambda/access.ts'
import { metricsEnvironment } from '../../src/aws/metrics.ts'
import { startLocalFunction } from '../../src/local/lambda/function.ts'
import { functionUrl } from '../../src/local/lambda/function-url.ts'
import { startUpstream, type Upstream } from '../gateway/support.ts'
import { startIssuer } from '../support/issuer.ts'
import { temporaryFolder } from '../support/temporary.ts'

const account = '111122223333'
const role = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'wJalrXUtnFEMI' }
const keyProvider = `arn:aws:bedrock-agentcore:us-east-1:${account}:token-vault/default/apikeycredentialprovider/stock`
const secretId = `arn:aws:secretsmanager:us-east-1:${account}:secret:notes-AbCdEf`
const discoveryUrl = 'https://auth.example.com/.well-known/openid-configuration'

const orders = {
  name: 'orders',
  targetConfiguration: {
    mcp: {
      lambda: {
        lambdaArn: `arn:aws:lambda:us-east-1:${account}:function:orders`,
        toolSchema: { s3: { uri: 's3://definitions/orders.json' } },
      },
    },
  },
  credentialProviderConfigurations: [{ credentialProviderType: 'GATEWAY_IAM_ROLE' }],
}
const stock = {
  name: 'stock',
  targetConfiguration: { mcp: { openApiSchema: { s3: { uri: 's3://definitions/stock.yaml' } } } },
  credentialProviderConfigurations: [
    {
      credentialProviderType: 'API_KEY',
      credentialProvider: {
        apiKeyCredentialProvider: { providerArn: keyProvider, credentialParameterName: 'x-api-key' },
      },
    },
  ],
}
const notes = {
  name: 'notes',
  targetConfiguration: { mcp: { mcpServer: { endpoint: 'https://notes.example.com/mcp' } } },
}

const files = {
  'orders.json': orders,
  'stock.json': stock,
  'notes.json': notes,
  'schemas/orders.json': [
    { name: 'get_order', description: 'Gets an order', inputSchema: { type: 'object', properties: {} } },
  ],
  'schemas/stock.yaml': `openapi: 3.0.3
info: { title: Stock, version: '1' }
servers: [{ url: https://stock.example.com }]
paths:
  /products/{sku}:
    get:
      operationId: getProduct
      parameters: [{ name: sku, in: path, required: true, schema: { $ref: parts/sku.json } }]
      responses: { 200: { description: OK } }
`,
  'schemas/parts/sku.json': { type: 'string', maxLength: 20 },
  'schemas/secret.json': { not: 'referred to' },
}

const bindings = {
  functions: { [orders.targetConfiguration.mcp.lambda.lambdaArn]: { handler: './orders.mjs' } },
  endpoints: {
    'https://stock.example.com': { run: './stock.mjs' },
    'https://notes.example.com': 'http://127.0.0.1:9',
    'https://inside.example.com': 'http://10.0.4.7:8080',
  },
  credentialProviders: { [keyProvider]: { apiKey: 'only-here', apiKeyEnv: 'STOCK_KEY' } },
  s3: {
    's3://definitions/orders.json': './schemas/orders.json',
    's3://definitions/stock.yaml': './schemas/stock.yaml',
  },
  discoveryUrls: { [discoveryUrl]: 'authorization-service' },
  audience: 'https://tools.example.com/mcp',
}

const gateways = {
  jwt: {
    authorizerType: 'CUSTOM_JWT',
    authorizerConfiguration: { customJWTAuthorizer: { discoveryUrl, allowedAudience: ['tools'] } },
  },
  iam: { authorizerType: 'AWS_IAM' },
}

let folder: Awaited<ReturnType<typeof temporaryFolder>>
let places: Record<'api' | 'mcp' | 'aws', Upstream>
const seen: string[] = []

beforeAll(async () => {
  folder = await temporaryFolder()
  await mkdir(join(folder.path, 'schemas/parts'), { recursive: true })
  for (const [name, content] of Object.entries(files))
    await writeFile(join(folder.path, name), typeof content === 'string' ? content : JSON.stringify(content))
  for (const [name, more] of Object.entries(gateways))
    await writeFile(
      join(folder.path, `${name}.json`),
      JSON.stringify({
        name: 'shop',
        roleArn: `arn:aws:iam::${account}:role/gateway`,
        protocolConfiguration: { mcp: { streamingConfiguration: { enableResponseStreaming: true } } },
        ...more,
      }),
    )
  places = { api: await startApi(), mcp: await startMcpServer(), aws: await startAws() }
})
afterAll(async () => {
  await folder.remove()
  await Promise.all(Object.values(places).map((each) => each.close()))
})

/** Builds the gateway of the files above. */
async function built(
  gateway: keyof typeof gateways,
  given: object = bindings,
  deployAs?: 'lambda' | 'fargate',
  policies?: string,
) {
  if (policies !== undefined) await writeFile(join(folder.path, 'shop.cedar'), policies)
  await writeFile(join(folder.path, 'bindings.json'), JSON.stringify(given))
  const named = {
    gateway: `./${gateway}.json`,
    targets: ['./orders.json', './stock.json', './notes.json'],
    bindings: './bindings.json',
    ...(deployAs ? { deployAs } : {}),
    ...(policies === undefined ? {} : { policies: ['./*.cedar'] }),
  }
  const config = { name: 'shop', platforms: { 'agentcore-gateway': named } }
  return buildGateway({ projectDir: folder.path, config, outDir: join(folder.path, 'out', gateway) })
}

/** What the platform says of the place: the upstreams are on loopback here, which a binding cannot say of a deployed gateway. */
const placeOf = (more: object = {}) =>
  JSON.stringify({
    endpoints: { 'https://stock.example.com': places.api.url, 'https://notes.example.com': places.mcp.url },
    ...more,
  })

describe('the artifact of a gateway', () => {
  it('has the documents that the definitions name, and nothing that is only true here', async () => {
    const { files: parts, variables, dir } = await built('jwt')
    expect(parts.map(({ name }) => name)).toEqual([
      'index.js',
      'package.json',
      'gateway.json',
      'documents/0/orders.json',
      'documents/1/stock.yaml',
      'documents/1/parts/sku.json',
    ])
    expect(variables).toEqual(['STOCK_KEY'])
    const text = await readFile(join(dir, 'gateway.json'), 'utf8')
    expect((JSON.parse(text) as { bindings: unknown }).bindings).toEqual({
      endpoints: { 'https://inside.example.com': 'http://10.0.4.7:8080' },
      credentialProviders: { [keyProvider]: { apiKeyEnv: 'STOCK_KEY' } },
      s3: {
        's3://definitions/orders.json': './documents/0/orders.json',
        's3://definitions/stock.yaml': './documents/1/stock.yaml',
      },
    })
    expect(text).not.toMatch(/only-here|127\.0\.0\.1/)
    expect(text).not.toContain(folder.path)
    const { digest } = await built('jwt')
    expect((await built('jwt')).digest).toBe(digest)
  })

  it.each([
    ['a secret that stands in the bindings', { [keyProvider]: { apiKey: 'only-here' } }, /apiKeyEnv/],
    ['an authorization server on this machine', oauthClient('http://127.0.0.1:5/token'), /public address/],
  ])('is not made with %s', async (_name, credentialProviders, fix) => {
    const error = (await built('jwt', { ...bindings, credentialProviders }).catch((thrown: unknown) => thrown)) as {
      code: string
      fix: string
    }
    expect(error.code).toBe('GATEWAY_BINDING')
    expect(error.fix).toMatch(fix)
  })

  it('is not made for fargate when IAM is to let callers in: nobody verifies them there', async () => {
    await expect(built('iam', bindings, 'fargate')).rejects.toMatchObject({ code: 'CONFIG_INVALID' })
  })

  it('as a process checks tokens, calls one of each target, streams progress, and drains', async () => {
    const issuer = await startIssuer()
    const { dir } = await built('jwt', {
      ...bindings,
      credentialProviders: { [keyProvider]: { apiKeySecretConfig: { secretId, jsonKey: 'key' } } },
    })
    const place = placeOf({
      resource: 'https://tools.example.com/mcp',
      discoveryUrls: { [discoveryUrl]: `${issuer.url}/.well-known/openid-configuration` },
    })
    const process_ = await run(dir, { FAIRLEAD_GATEWAY: place })
    const refused = await fetch(`${process_.url}/mcp`, { method: 'POST' })
    expect([refused.status, refused.headers.get('www-authenticate')]).toEqual([
      401,
      'Bearer resource_metadata="https://tools.example.com/.well-known/oauth-protected-resource"',
    ])
    const now = Math.floor(Date.now() / 1000)
    const token = await issuer.sign({ iss: issuer.url, aud: 'tools', sub: 'ada', iat: now, exp: now + 60 })
    const client = await connect(`${process_.url}/mcp`, { headers: { authorization: `Bearer ${token}` } })
    await callsOneOfEach(client)
    await client.close()
    expect(process_.log()).toContain('"principal":"ada"')
    expect(await process_.stop()).toBe(0)
    await issuer.close()
  })

  it('has nothing of a build before in its folder, which is what is deployed', async () => {
    const permit =
      'permit(principal, action, resource == AgentCore::Gateway::"${GatewayArn}") when { principal has id };'
    const { dir } = await built('iam', bindings, 'lambda', permit)
    expect(await readdir(dir)).toContain('node_modules')
    const again = await built('iam', bindings, 'lambda')
    expect(again.dir).toBe(dir)
    expect((await readdir(dir)).toSorted()).toEqual(['documents', 'gateway.json', 'index.js', 'package.json'])
  })

  it('as a function behind a function URL takes who IAM lets in, streams progress, and says each call', async () => {
    const here = 'resource == AgentCore::Gateway::"${GatewayArn}"'
    const { dir, files: parts } = await built(
      'iam',
      bindings,
      'lambda',
      `permit(principal is AgentCore::IamEntity, action, ${here});
       @id("no_secrets") forbid(principal, action == AgentCore::Action::"stock___getProduct", ${here})
       when { context.input.sku like "SECRET-*" };`,
    )
    expect(parts.map(({ name }) => name).filter((name) => name.startsWith('node_modules'))).toEqual([
      'node_modules/@cedar-policy/cedar-wasm/package.json',
      'node_modules/@cedar-policy/cedar-wasm/nodejs/package.json',
      'node_modules/@cedar-policy/cedar-wasm/nodejs/cedar_wasm.js',
      'node_modules/@cedar-policy/cedar-wasm/nodejs/cedar_wasm_bg.wasm',
    ])
    const lines: string[] = []
    const facts = { region: 'us-east-1', accountId: account }
    const fn = await startLocalFunction({
      name: 'gateway',
      artifactDir: dir,
      env: {
        ...awsEnv(),
        STOCK_KEY: 'key-of-the-stock',
        FAIRLEAD_GATEWAY: placeOf(),
        FAIRLEAD_PLATFORM: 'agentcore-gateway',
        ...metricsEnvironment('gateway-prod'),
      },
      log: (line) => lines.push(line.trim()),
      ...facts,
    })
    const identities = loadIdentities(folder.path, facts)
    const guard = createIamGuard({
      service: 'lambda',
      ...facts,
      identities,
      ...functionAccess(fn.arn, [], { accountId: account, entrance: 'function-url' }),
    })
    const server = await listen(functionUrl({ fn, guard, mode: 'RESPONSE_STREAM', ...facts }))
    expect((await fetch(`${server.url}/mcp`, { method: 'POST', body: '{}' })).status).toBe(403)
    const signed = sigv4Fetch({ credentials: identities[0]!, service: 'lambda', region: 'us-east-1' })
    const client = await connect(`${server.url}/mcp`, {}, signed)
    await callsOneOfEach(client)
    const secret = client.callTool({ name: 'stock___getProduct', arguments: { sku: 'SECRET-1' } })
    await expect(secret).rejects.toThrow('[Policy evaluation denied due to no_secrets]')
    await client.close()
    await server.close()
    await fn.close()
    const said = lines
      .filter((line) => line.includes('"method":"tools/call"'))
      .map((line) => JSON.parse(line) as unknown)
    expect(said.length).toBeGreaterThan(3)
    expect(said.pop()).toMatchObject({
      audit: {
        principal: identities[0]!.arn,
        outcome: 'refused',
        code: 'POLICY_DENIED',
        why: 'Policy evaluation denied due to no_secrets',
        policies: ['no_secrets'],
      },
      Refusals: 1,
    })
    for (const each of said)
      expect(each).toMatchObject({
        audit: { principal: identities[0]!.arn, outcome: 'ok', policies: ['shop_1'] },
        Server: 'gateway-prod',
        Platform: 'agentcore-gateway',
        Calls: 1,
      })
  })

  it('as a function behind CloudFront reads where it is from a parameter, and refuses who comes around', async () => {
    const { dir } = await built('jwt', bindings, 'lambda')
    const issuer = await startIssuer()
    const resource = 'https://d111111abcdef8.cloudfront.net/mcp'
    parameter = placeOf({
      resource,
      discoveryUrls: { [discoveryUrl]: `${issuer.url}/.well-known/openid-configuration` },
    })
    const facts = { region: 'us-east-1', accountId: account }
    const fn = await startLocalFunction({
      name: 'gateway-jwt',
      artifactDir: dir,
      env: {
        ...awsEnv(),
        STOCK_KEY: 'key-of-the-stock',
        FAIRLEAD_GATEWAY_FROM: `arn:aws:ssm:us-east-1:${account}:parameter/fairlead/shop/prod/agentcore-gateway`,
        FAIRLEAD_ORIGIN_SECRET: 'of-the-origin',
        FAIRLEAD_PLATFORM: 'agentcore-gateway',
      },
      log: () => {},
      ...facts,
    })
    const server = await listen(functionUrl({ fn, mode: 'RESPONSE_STREAM', ...facts }))
    const metadata = `${server.url}/.well-known/oauth-protected-resource/mcp`
    const headers = { 'x-origin-verify': 'of-the-origin' }
    const now = Math.floor(Date.now() / 1000)
    const token = await issuer.sign({ iss: issuer.url, aud: 'tools', sub: 'ada', iat: now, exp: now + 60 })
    const authorization = `Bearer ${token}`
    const around = await fetch(`${server.url}/mcp`, { method: 'POST', headers: { authorization }, body: '{}' })
    const wrong = await fetch(metadata, { headers: { 'x-origin-verify': 'of-the-other' } })
    expect([around.status, wrong.status]).toEqual([403, 403])
    expect(await (await fetch(metadata, { headers })).json()).toMatchObject({
      resource,
      authorization_servers: [issuer.url],
    })
    expect((await fetch(`${server.url}/mcp`, { method: 'POST', headers, body: '{}' })).status).toBe(401)
    const client = await connect(`${server.url}/mcp`, { headers: { ...headers, authorization } })
    await callsOneOfEach(client)
    await client.close()
    await server.close()
    await fn.close()
    await issuer.close()
  })

  it('names the variable that is missing', async () => {
    const { dir } = await built('jwt')
    await expect(run(dir, { STOCK_KEY: 'x' })).rejects.toThrow('nobody says what its URL is')
    const place = { FAIRLEAD_GATEWAY: '{"resource":"https://tools.example.com/mcp"}' }
    await expect(run(dir, place)).rejects.toThrow('The environment variable STOCK_KEY is not set')
  })
})

function oauthClient(tokenEndpoint: string) {
  return { [keyProvider]: { clientId: 'shop', clientSecretEnv: 'CLIENT_SECRET', tokenEndpoint } }
}

async function connect(url: string, requestInit: object, fetchFn?: typeof fetch): Promise<Client> {
  const client = new Client({ name: 'test', version: '1' }, { versionNegotiation: { mode: 'auto' } })
  await client.connect(
    new StreamableHTTPClientTransport(new URL(url), { requestInit, ...(fetchFn ? { fetch: fetchFn } : {}) }),
  )
  return client
}

async function callsOneOfEach(client: Client): Promise<void> {
  seen.length = 0
  const text = (result: unknown) => (result as { content: { text: string }[] }).content[0]?.text
  const { tools } = await client.listTools()
  expect(tools.map(({ name }) => name)).toEqual(['orders___get_order', 'stock___getProduct', 'notes___write'])
  expect(text(await client.callTool({ name: 'orders___get_order', arguments: {} }))).toBe('{"status":"shipped"}')
  expect(text(await client.callTool({ name: 'stock___getProduct', arguments: { sku: 'ROPE' } }))).toBe('{"stock":40}')
  expect(seen).toContain('lambda signed: true')
  expect(seen).toContain('/products/ROPE key-of-the-stock')
  // The server ends its answer when the progress has come all the way.
  const progress: number[] = []
  const result = await client.callTool(
    { name: 'notes___write', arguments: {} },
    {
      onprogress: ({ progress: at }) => {
        progress.push(at)
        goOn()
      },
    },
  )
  expect([progress, text(result)]).toEqual([[1], 'written'])
}

const awsEnv = () => ({
  AWS_ENDPOINT_URL_LAMBDA: places.aws.url,
  AWS_ENDPOINT_URL_SECRETS_MANAGER: places.aws.url,
  AWS_ENDPOINT_URL_SSM: places.aws.url,
})

/** Runs an artifact as a process, as a task does. */
async function run(dir: string, env: Record<string, string>) {
  const child = spawn(process.execPath, [join(dir, 'index.js')], {
    cwd: dirname(dir),
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      HOST: '127.0.0.1',
      PORT: '0',
      AWS_REGION: 'us-east-1',
      AWS_ACCESS_KEY_ID: role.accessKeyId,
      AWS_SECRET_ACCESS_KEY: role.secretAccessKey,
      ...awsEnv(),
      ...env,
    },
  })
  let text = ''
  child.stderr.on('data', (chunk: Buffer) => (text += chunk.toString()))
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve))
  const url = await new Promise<string>((resolve, reject) => {
    child.stdout.once('data', (line: Buffer) =>
      resolve((JSON.parse(line.toString()) as { listening: string }).listening),
    )
    void ended.then(() => reject(new Error(text)))
  })
  return {
    url,
    log: () => text,
    stop: () => {
      child.kill('SIGTERM')
      return ended
    },
  }
}

async function startApi(): Promise<Upstream> {
  return startUpstream((req, _body, res) => {
    seen.push(`${req.url} ${String(req.headers['x-api-key'])}`)
    res.writeHead(200, { 'content-type': 'application/json' }).end('{"stock":40}')
  })
}

/** What SSM has. */
let parameter = ''

let goOn = () => {}

/** An MCP server that reports progress, and answers when the client has seen it. */
async function startMcpServer(): Promise<Upstream> {
  return startUpstream((_req, body, res) => {
    const { id, method, params } = JSON.parse(body.toString()) as {
      id: unknown
      method: string
      params: { _meta: { progressToken?: unknown } }
    }
    const results: Record<string, object> = {
      'server/discover': { supportedVersions: ['2026-07-28'], capabilities: { tools: {} } },
      'tools/list': { tools: [{ name: 'write', inputSchema: { type: 'object' } }] },
      'tools/call': { content: [{ type: 'text', text: 'written' }] },
    }
    const answer = JSON.stringify({ jsonrpc: '2.0', id, result: { resultType: 'complete', ...results[method] } })
    const { progressToken } = params._meta
    if (method !== 'tools/call' || progressToken === undefined)
      return void res.writeHead(200, { 'content-type': 'application/json' }).end(answer)
    const progress = { method: 'notifications/progress', params: { progressToken, progress: 1 } }
    res.writeHead(200, { 'content-type': 'text/event-stream' })
    res.write(`data: ${JSON.stringify({ jsonrpc: '2.0', ...progress })}\n\n`)
    goOn = () => res.end(`data: ${answer}\n\n`)
  })
}

/** Lambda's API and Secrets Manager's, which check signatures. The local Lambda has keys of its own, which nobody knows. */
async function startAws(): Promise<Upstream> {
  const server = createServer((req, res) => {
    const chunks: Buffer[] = []
    req.on('data', (chunk: Buffer) => chunks.push(chunk))
    req.on('end', () => {
      const body = Buffer.concat(chunks)
      const secrets = req.headers['x-amz-target'] === 'secretsmanager.GetSecretValue'
      const settings = req.headers['x-amz-target'] === 'AmazonSSM.GetParameter'
      if (settings) return void res.writeHead(200).end(JSON.stringify({ Parameter: { Value: parameter } }))
      const service = secrets ? 'secretsmanager' : 'lambda'
      const request = { method: req.method!, target: req.url!, rawHeaders: req.rawHeaders, body }
      const own = req.headers.authorization?.includes(role.accessKeyId)
      const verified = verify(request, { service, region: 'us-east-1', lookup: () => role })
      const isSigned = own ? verified.ok : /ASIALOCAL/.test(req.headers.authorization ?? '')
      seen.push(`${service} signed: ${String(isSigned)}`)
      if (secrets && (!isSigned || (JSON.parse(body.toString()) as { SecretId: string }).SecretId !== secretId))
        return void res.writeHead(400).end('{"__type":"ResourceNotFoundException"}')
      res
        .writeHead(200, { 'content-type': 'application/json' })
        .end(
          secrets
            ? JSON.stringify({ SecretString: '{"key":"key-of-the-stock"}' })
            : JSON.stringify({ status: 'shipped' }),
        )
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
