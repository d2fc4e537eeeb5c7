import { describe, expect, it } from 'vitest'
import { verify } from '../../src/auth/sigv4/verify.ts'
import { apiTarget, mcpTarget, startGateway, startUpstream, type Upstream } from './support.ts'
import { oneOperation } from './openapi/recording.ts'

const provider = (kind: string, name: string) =>
  `arn:aws:bedrock-agentcore:us-east-1:111122223333:token-vault/default/${kind}/${name}`
const credentials = (credentialProviderType: string, credentialProvider: object) => ({
  credentialProviderConfigurations: [{ credentialProviderType, credentialProvider }],
})
const endpoints = (url: string) => ({ 'https://api.example.com': url })

interface Seen {
  method: string
  url: string
  rawHeaders: string[]
  headers: Record<string, string | string[] | undefined>
  body: Buffer
}

async function api(status = () => 200): Promise<Upstream & { seen: Seen[] }> {
  const seen: Seen[] = []
  const upstream = await startUpstream((req, body, res) => {
    seen.push({ method: req.method!, url: req.url!, rawHeaders: req.rawHeaders, headers: req.headers, body })
    res.writeHead(status(), { 'content-type': 'application/json', 'x-kept': 'yes', 'x-other': 'no' }).end('{}')
  })
  return { ...upstream, seen }
}

/** A token endpoint that counts, and gives another token each time. */
async function tokens(
  lifeS: number,
): Promise<Upstream & { asked: { form: URLSearchParams; authorization: string }[] }> {
  const asked: { form: URLSearchParams; authorization: string }[] = []
  const upstream = await startUpstream((req, body, res) => {
    asked.push({ form: new URLSearchParams(body.toString()), authorization: req.headers.authorization ?? '' })
    res
      .writeHead(200, { 'content-type': 'application/json' })
      .end(JSON.stringify({ access_token: `token-${asked.length}`, expires_in: lifeS, token_type: 'Bearer' }))
  })
  return { ...upstream, asked }
}

describe('what lets the gateway in', () => {
  it.each([
    [{ credentialParameterName: 'X-Key' }, 'x-key', 's3cret'],
    [{ credentialParameterName: 'X-Key', credentialPrefix: 'Key' }, 'x-key', 'Key s3cret'],
    [{}, 'authorization', 'Bearer s3cret'],
  ])('an API key goes in a header (%#)', async (more, header, value) => {
    const upstream = await api()
    const providerArn = provider('apikeycredentialprovider', 'a')
    const gateway = await startGateway(
      [apiTarget(oneOperation({}), credentials('API_KEY', { apiKeyCredentialProvider: { providerArn, ...more } }))],
      {
        endpoints: endpoints(upstream.url),
        bindings: { credentialProviders: { [providerArn]: { apiKeyEnv: 'THE_KEY' } } },
        env: { THE_KEY: 's3cret' },
      },
    )
    await gateway.call('api___op')
    expect(upstream.seen[0]!.headers[header]).toBe(value)
    await gateway.close()
    await upstream.close()
  })

  it('an API key goes in the query', async () => {
    const upstream = await api()
    const providerArn = provider('apikeycredentialprovider', 'a')
    const more = { credentialLocation: 'QUERY_PARAMETER', credentialParameterName: 'key' }
    const gateway = await startGateway(
      [apiTarget(oneOperation({}), credentials('API_KEY', { apiKeyCredentialProvider: { providerArn, ...more } }))],
      {
        endpoints: endpoints(upstream.url),
        bindings: { credentialProviders: { [providerArn]: { apiKey: 'a&b' } } },
      },
    )
    await gateway.call('api___op')
    expect(upstream.seen[0]!.url).toBe('/v1/x?key=a%26b')
    await gateway.close()
    await upstream.close()
  })

  it('the role signs, for any service and region', async () => {
    const upstream = await api()
    const document = oneOperation({ parameters: [{ name: 'q', in: 'query', schema: { type: 'string' } }] })
    const gateway = await startGateway(
      [
        apiTarget(
          document,
          credentials('GATEWAY_IAM_ROLE', { iamCredentialProvider: { service: 'execute-api', region: 'eu-west-1' } }),
        ),
      ],
      {
        endpoints: endpoints(upstream.url),
      },
    )
    await gateway.call('api___op', { q: 'a b&c' })
    const { method, url, rawHeaders, body } = upstream.seen[0]!
    const lookup = () => ({ accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'wJalrXUtnFEMI' })
    expect(
      verify({ method, target: url, rawHeaders, body }, { service: 'execute-api', region: 'eu-west-1', lookup }),
    ).toMatchObject({ ok: true })
    await gateway.close()
    await upstream.close()
  })

  it('a token is asked for once, kept, and is never another target’s', async () => {
    const [upstream, issuer] = [await api(), await tokens(3600)]
    const target = (name: string) => ({
      ...apiTarget(oneOperation({})),
      name,
      ...credentials('OAUTH', {
        oauthCredentialProvider: {
          providerArn: provider('oauth2credentialprovider', name),
          scopes: [`${name}/read`],
          customParameters: { audience: name },
        },
      }),
    })
    const client = (name: string) => ({
      clientId: `client-${name}`,
      clientSecret: `secret-${name}`,
      tokenEndpoint: `${issuer.url}/token`,
    })
    const names = ['one', 'two']
    const gateway = await startGateway(names.map(target), {
      endpoints: endpoints(upstream.url),
      bindings: {
        credentialProviders: Object.fromEntries(
          names.map((name) => [provider('oauth2credentialprovider', name), client(name)]),
        ),
      },
    })
    await Promise.all(Array.from({ length: 20 }, async (_, i) => gateway.call(`${names[i % 2]}___op`)))
    expect(issuer.asked).toHaveLength(2)
    const bySecret = Object.fromEntries(
      issuer.asked.map(({ authorization, form }, at) => [
        authorization,
        [Object.fromEntries(form), `Bearer token-${at + 1}`] as const,
      ]),
    )
    const basic = (name: string) => `Basic ${Buffer.from(`client-${name}:secret-${name}`).toString('base64')}`
    expect(bySecret[basic('one')]![0]).toEqual({ grant_type: 'client_credentials', audience: 'one', scope: 'one/read' })
    upstream.seen.length = 0
    await gateway.call('one___op')
    await gateway.call('two___op')
    expect(upstream.seen.map(({ headers }) => headers.authorization)).toEqual([
      bySecret[basic('one')]![1],
      bySecret[basic('two')]![1],
    ])
    await gateway.close()
    await upstream.close()
    await issuer.close()
  })

  it('a token that is refused is replaced once', async () => {
    const issuer = await tokens(3600)
    const upstream: Upstream & { seen: Seen[] } = await api(() =>
      upstream.seen.at(-1)!.headers.authorization === 'Bearer token-1' ? 401 : 200,
    )
    const providerArn = provider('oauth2credentialprovider', 'a')
    const gateway = await startGateway(
      [apiTarget(oneOperation({}), credentials('OAUTH', { oauthCredentialProvider: { providerArn, scopes: [] } }))],
      {
        endpoints: endpoints(upstream.url),
        bindings: {
          credentialProviders: { [providerArn]: { clientId: 'a', clientSecret: 'b', tokenEndpoint: issuer.url } },
        },
      },
    )
    expect((await gateway.call('api___op')).isError).toBe(false)
    expect(issuer.asked).toHaveLength(2)
    await gateway.close()
    await upstream.close()
    await issuer.close()
  })

  it('a credential provider that the bindings do not know is named', async () => {
    const providerArn = provider('apikeycredentialprovider', 'a')
    const target = apiTarget(oneOperation({}), credentials('API_KEY', { apiKeyCredentialProvider: { providerArn } }))
    await expect(startGateway([target])).rejects.toMatchObject({
      code: 'GATEWAY_BINDING',
      message: expect.stringContaining(providerArn),
    })
    const bindings = { credentialProviders: { [providerArn]: { apiKeyEnv: 'NOT_SET' } } }
    await expect(startGateway([target], { bindings, env: {} })).rejects.toMatchObject({
      code: 'GATEWAY_BINDING',
      message: expect.stringContaining('NOT_SET'),
    })
  })
})

describe('what of a client’s request goes on', () => {
  it('is what metadataConfiguration names, and nothing else: no token, no cookie', async () => {
    const upstream = await api()
    const metadataConfiguration = { allowedRequestHeaders: ['X-Tenant'], allowedResponseHeaders: ['X-Kept'] }
    const gateway = await startGateway([apiTarget(oneOperation({}), { metadataConfiguration })], {
      endpoints: endpoints(upstream.url),
    })
    const { headers } = await gateway.ask(
      'tools/call',
      { name: 'api___op', arguments: {} },
      { headers: { 'x-tenant': 'a', 'x-more': 'b', authorization: 'Bearer client', cookie: 'c=1' } },
    )
    const sent = upstream.seen[0]!.headers
    expect([sent['x-tenant'], sent['x-more'], sent.authorization, sent.cookie]).toEqual([
      'a',
      undefined,
      undefined,
      undefined,
    ])
    expect([headers.get('x-kept'), headers.get('x-other')]).toEqual(['yes', null])
    await gateway.close()
    await upstream.close()
  })
})

describe('where a gateway may call', () => {
  it.each(['https://127.0.0.1/mcp', 'https://169.254.169.254/mcp', 'https://[::1]/mcp', 'https://localhost/mcp'])(
    'not %s, unless the bindings name it',
    async (endpoint) => {
      const inlinePayload = '[{"name":"a","inputSchema":{"type":"object"}}]'
      const started = startGateway([mcpTarget('x', { endpoint, mcpToolSchema: { inlinePayload } })], {
        gateway: { exceptionLevel: 'DEBUG' },
      })
      // An address is refused when it is read, a name when it is resolved.
      const said = await started.then(
        async (gateway) => {
          const result = await gateway.call('x___a')
          await gateway.close()
          return result.content[0].text as string
        },
        (error: Error) => error.message,
      )
      expect(said).toContain('not an address of the public internet')
    },
  )
})
