import { createHmac, randomUUID } from 'node:crypto'
import { connect } from 'node:net'
import { calculateJwkThumbprint, exportJWK, exportSPKI, generateKeyPair, SignJWT, type JWTPayload } from 'jose'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { serviceProfile } from '../../../src/auth/bearer/profiles.ts'
import { createTokenVerifier } from '../../../src/auth/bearer/verify.ts'
import { withBearer, type BearerOptions } from '../../../src/auth/bearer/with-bearer.ts'
import { anonymous, type FetchHandler } from '../../../src/http/fetch-handler.ts'
import { listen, type Listening } from '../../../src/http/node-server.ts'
import { noteOf } from '../../../src/http/note.ts'
import { createMcpEndpoint, type McpEndpoint } from '../../../src/mcp/endpoint.ts'
import { MemoryTable } from '../../../src/state/memory.ts'
import { clients } from '../../contract/clients.ts'
import factory from '../../fixtures/contract-server.ts'
import { startIssuer, type Issuer } from '../../support/issuer.ts'

let issuer: Issuer
let server: Listening
let endpoint: McpEndpoint
let url: string
let metadataUrl: string
const codes: string[] = []
const base = ['contract/read']
const good = (claims: JWTPayload = {}): JWTPayload => {
  const now = Math.floor(Date.now() / 1000)
  return {
    iss: issuer.url,
    aud: url,
    sub: 'user-1',
    client_id: 'client-1',
    jti: randomUUID(),
    iat: now,
    exp: now + 300,
    scope: 'contract/read',
    ...claims,
  }
}
const without = (name: string): JWTPayload => {
  const claims = good()
  delete claims[name]
  return claims
}

beforeAll(async () => {
  issuer = await startIssuer()
  endpoint = createMcpEndpoint({ kind: 'factory', factory }, {})
  let handler: FetchHandler = endpoint.fetch
  server = await listen((request, context) => handler(request, context))
  url = `${server.url}/mcp`
  metadataUrl = `${server.url}/.well-known/oauth-protected-resource/mcp`
  const options: BearerOptions = {
    resource: url,
    authorizationServers: [issuer.url],
    verifier: createTokenVerifier({ profile: serviceProfile({ issuer: issuer.url, resource: url }) }),
    scopes: { supported: ['contract/read', 'contract/write'], base, tools: { add: ['contract/write'] } },
    proofs: new MemoryTable(),
    openPaths: ['/healthz'],
  }
  const guarded = withBearer(endpoint.fetch, options)
  handler = async (request, context) => {
    const response = await guarded(request, context)
    codes.push(noteOf(response).code ?? 'ok')
    return response
  }
})
afterAll(async () => {
  await server.close()
  await endpoint.close()
  await issuer.close()
})
beforeEach(() => void codes.splice(0))

const call = (tool: string, args: Record<string, unknown>, id = 1) => ({
  jsonrpc: '2.0',
  id,
  method: 'tools/call',
  params: { name: tool, arguments: args },
})

async function post(
  token: string | undefined,
  options: { body?: unknown; headers?: Record<string, string>; query?: string } = {},
) {
  const { body = call('echo', { text: 'hi' }), headers = {}, query = '' } = options
  return fetch(url + query, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      'mcp-protocol-version': '2025-11-25',
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...headers,
    },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  })
}

const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')

describe('a resource server', () => {
  it('lets a good token in, and tells the tool who calls and nothing of the token', async () => {
    const token = await issuer.sign(good())
    const answer = (await (await post(token, { body: call('whoami', {}) })).json()) as {
      result: { content: { text: string }[] }
    }
    expect(answer.result.content[0]!.text).toBe('user-1')
    expect(codes).toEqual(['ok'])
  })

  it('serves its metadata behind the well-known path and at the root, to browsers too', async () => {
    for (const place of [metadataUrl, `${server.url}/.well-known/oauth-protected-resource`]) {
      const response = await fetch(place)
      expect(response.headers.get('access-control-allow-origin')).toBe('*')
      expect(await response.json()).toMatchObject({
        resource: url,
        authorization_servers: [issuer.url],
        scopes_supported: ['contract/read', 'contract/write'],
        bearer_methods_supported: ['header'],
      })
    }
    expect((await fetch(metadataUrl, { method: 'POST' })).status).toBe(405)
    expect((await fetch(metadataUrl, { method: 'OPTIONS' })).status).toBe(204)
  })

  it.each(['POST', 'GET', 'DELETE', 'PUT', 'HEAD'])(
    'asks for a token on %s, and names no error when none came',
    async (method) => {
      const response = await fetch(url, { method })
      expect(response.status).toBe(401)
      expect(response.headers.get('www-authenticate')).toBe(
        `Bearer scope="contract/read", resource_metadata="${metadataUrl}"`,
      )
    },
  )

  it('asks before it looks at the body, answers the health check and a preflight without a token', async () => {
    expect((await post(undefined, { body: '{broken' })).status).toBe(401)
    expect(await (await fetch(`${server.url}/healthz`)).text()).toBe('ok')
    const preflight = await fetch(url, {
      method: 'OPTIONS',
      headers: { origin: 'http://localhost:3000', 'access-control-request-method': 'POST' },
    })
    expect(preflight.status).toBe(204)
    const refused = await post(undefined, { headers: { origin: 'http://localhost:3000' } })
    expect(refused.headers.get('access-control-expose-headers')).toContain('www-authenticate')
  })

  it.each([
    ['no token, but one in the query', undefined, { query: '?access_token=TOKEN' }, 'TOKEN_MISSING'],
    ['another scheme', undefined, { headers: { authorization: 'Basic YWRhOnB3' } }, 'TOKEN_MISSING'],
    ['an empty scheme', undefined, { headers: { authorization: 'Bearer' } }, 'TOKEN_MALFORMED'],
    [
      'two tokens in one header',
      undefined,
      { headers: { authorization: 'Bearer TOKEN, Bearer TOKEN' } },
      'TOKEN_MALFORMED',
    ],
    ['a token with a space in it', undefined, { headers: { authorization: 'Bearer TOKEN more' } }, 'TOKEN_MALFORMED'],
  ])('refuses %s', async (_name, token, options, code) => {
    const real = await issuer.sign(good())
    const replaced = JSON.parse(JSON.stringify(options).replaceAll('TOKEN', real)) as typeof options
    const response = await post(token, replaced)
    expect(response.status).toBe(code === 'TOKEN_MALFORMED' ? 400 : 401)
    expect(codes).toEqual([code])
  })

  it('refuses two Authorization headers', async () => {
    const token = await issuer.sign(good())
    const status = await new Promise<string>((resolve) => {
      const socket = connect(server.port, '127.0.0.1', () =>
        socket.write(
          `POST /mcp HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer ${token}\r\nauthorization: Bearer ${token}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n`,
        ),
      )
      socket.once('data', (data) => resolve(data.toString().split('\r\n')[0]!))
    })
    expect(status).toContain('400')
  })

  type Case = [name: string, make: () => Promise<string>, code: string]
  const hostile: Case[] = [
    ['no JWT at all', async () => 'hello', 'TOKEN_MALFORMED'],
    ['two parts', async () => (await issuer.sign(good())).split('.').slice(0, 2).join('.'), 'TOKEN_MALFORMED'],
    ['four parts', async () => `${await issuer.sign(good())}.x`, 'TOKEN_MALFORMED'],
    ['claims that are a list', async () => `${part({ alg: 'RS256' })}.${part([])}.c2ln`, 'TOKEN_MALFORMED'],
    ['more than 8 kB', async () => issuer.sign(good({ pad: 'x'.repeat(7000) })), 'TOKEN_MALFORMED'],
    [
      'alg none',
      async () => `${part({ alg: 'none', kid: 'key-1', typ: 'at+jwt' })}.${part(good())}.c2ln`,
      'TOKEN_ALGORITHM',
    ],
    [
      'HS256 with the public key',
      async () => {
        const input = `${part({ alg: 'HS256', kid: 'key-1', typ: 'at+jwt' })}.${part(good())}`
        return `${input}.${createHmac('sha256', await exportSPKI(issuer.keys().publicKey))
          .update(input)
          .digest('base64url')}`
      },
      'TOKEN_ALGORITHM',
    ],
    [
      'alg RS512',
      async () =>
        new SignJWT(good())
          .setProtectedHeader({ alg: 'RS512', kid: 'key-1', typ: 'at+jwt' })
          .sign((await generateKeyPair('RS512')).privateKey),
      'TOKEN_ALGORITHM',
    ],
    [
      'a key of its own (jwk)',
      async () => {
        const own = await generateKeyPair('RS256')
        return new SignJWT(good())
          .setProtectedHeader({ alg: 'RS256', kid: 'key-1', typ: 'at+jwt', jwk: await exportJWK(own.publicKey) })
          .sign(own.privateKey)
      },
      'TOKEN_HEADER',
    ],
    [
      'a key set of its own (jku)',
      async () => issuer.sign(good(), { jku: 'https://evil.example/jwks' }),
      'TOKEN_HEADER',
    ],
    [
      'a certificate of its own (x5u)',
      async () => issuer.sign(good(), { x5u: 'https://evil.example/x' }),
      'TOKEN_HEADER',
    ],
    [
      'crit',
      async () => `${part({ alg: 'RS256', kid: 'key-1', typ: 'at+jwt', crit: ['exp'], exp: 1 })}.${part(good())}.c2ln`,
      'TOKEN_HEADER',
    ],
    ['no key id', async () => issuer.sign(good(), { kid: undefined as never }), 'TOKEN_HEADER'],
    ['a key id that nobody has', async () => issuer.sign(good(), { kid: 'other' }), 'TOKEN_KEY_UNKNOWN'],
    [
      'another key under the right key id',
      async () =>
        new SignJWT(good())
          .setProtectedHeader({ alg: 'RS256', kid: 'key-1', typ: 'at+jwt' })
          .sign((await generateKeyPair('RS256')).privateKey),
      'TOKEN_SIGNATURE',
    ],
    [
      'a changed claim',
      async () => {
        const [header, , signature] = (await issuer.sign(good())).split('.')
        return `${header}.${part(good({ sub: 'admin' }))}.${signature}`
      },
      'TOKEN_SIGNATURE',
    ],
    ['typ JWT', async () => issuer.sign(good(), { typ: 'JWT' }), 'TOKEN_TYPE'],
    ['no typ', async () => issuer.sign(good(), { typ: undefined as never }), 'TOKEN_TYPE'],
    ['an ID token', async () => issuer.sign(good({ nonce: 'n', at_hash: 'h' }), { typ: 'JWT' }), 'TOKEN_TYPE'],
    ['another issuer', async () => issuer.sign(good({ iss: 'https://evil.example' })), 'TOKEN_ISSUER'],
    ['the issuer with a slash', async () => issuer.sign(good({ iss: `${issuer.url}/` })), 'TOKEN_ISSUER'],
    ['no issuer', async () => issuer.sign(without('iss')), 'TOKEN_ISSUER'],
    ['another audience', async () => issuer.sign(good({ aud: 'https://other.example/mcp' })), 'TOKEN_AUDIENCE'],
    ['the origin as audience', async () => issuer.sign(good({ aud: server.url })), 'TOKEN_AUDIENCE'],
    ['the audience with a slash', async () => issuer.sign(good({ aud: `${url}/` })), 'TOKEN_AUDIENCE'],
    ['the audience in capitals', async () => issuer.sign(good({ aud: url.toUpperCase() })), 'TOKEN_AUDIENCE'],
    ['no audience', async () => issuer.sign(without('aud')), 'TOKEN_AUDIENCE'],
    [
      'a list of audiences, ours among them',
      async () => issuer.sign(good({ aud: [url, 'https://other.example'] })),
      'TOKEN_AUDIENCE',
    ],
    ['an empty list of audiences', async () => issuer.sign(good({ aud: [] })), 'TOKEN_AUDIENCE'],
    ['an expiry that was', async () => issuer.sign(good({ exp: Math.floor(Date.now() / 1000) - 6 })), 'TOKEN_EXPIRED'],
    ['no expiry', async () => issuer.sign(without('exp')), 'TOKEN_CLAIM'],
    [
      'an expiry that is text',
      async () =>
        `${part({ alg: 'RS256', kid: 'key-1', typ: 'at+jwt' })}.${part({ ...good(), exp: '9999999999' })}.c2ln`,
      'TOKEN_CLAIM',
    ],
    [
      'an infinite expiry',
      async () =>
        `${part({ alg: 'RS256', kid: 'key-1', typ: 'at+jwt' })}.${Buffer.from(JSON.stringify(good()).replace(/"exp":\d+/, '"exp":1e999')).toString('base64url')}.c2ln`,
      'TOKEN_CLAIM',
    ],
    ['no iat', async () => issuer.sign(without('iat')), 'TOKEN_CLAIM'],
    [
      'an iat in the future',
      async () => issuer.sign(good({ iat: Math.floor(Date.now() / 1000) + 60 })),
      'TOKEN_NOT_YET',
    ],
    [
      'an nbf in the future',
      async () => issuer.sign(good({ nbf: Math.floor(Date.now() / 1000) + 60 })),
      'TOKEN_NOT_YET',
    ],
    ['no subject', async () => issuer.sign(without('sub')), 'TOKEN_CLAIM'],
    ['an empty subject', async () => issuer.sign(good({ sub: '' })), 'TOKEN_CLAIM'],
    ['no client', async () => issuer.sign(without('client_id')), 'TOKEN_CLAIM'],
    ['no jti', async () => issuer.sign(without('jti')), 'TOKEN_CLAIM'],
    [
      'a token bound to a key, as a plain bearer token',
      async () => issuer.sign(good({ cnf: { jkt: 'x'.repeat(43) } })),
      'DPOP_MISSING',
    ],
  ]
  it.each(hostile)('refuses %s', async (_name, make, code) => {
    const response = await post(await make())
    expect(codes).toEqual([code])
    expect(response.status).toBe(401)
    expect(response.headers.get('www-authenticate')).toContain(
      code === 'DPOP_MISSING' ? 'error="invalid_dpop_proof"' : 'error="invalid_token"',
    )
  })

  it('allows clocks to differ by five seconds', async () => {
    const now = Math.floor(Date.now() / 1000)
    expect((await post(await issuer.sign(good({ exp: now - 2, nbf: now + 3 })))).status).toBe(200)
  })

  it('refuses a token that a cache has seen, once it has expired', async () => {
    let clock = Date.now()
    const verifier = createTokenVerifier({
      profile: serviceProfile({ issuer: issuer.url, resource: url }),
      now: () => clock,
    })
    const token = await issuer.sign(good({ exp: Math.floor(clock / 1000) + 30 }))
    expect((await verifier.verify(token)).ok).toBe(true)
    const again = verifier.verify(token)
    // From the cache the answer is there at once.
    expect(again).not.toBeInstanceOf(Promise)
    clock += 36_000
    expect(await verifier.verify(token)).toMatchObject({ ok: false, code: 'TOKEN_EXPIRED' })
  })

  it('fetches no keys for a storm of tokens with unknown key ids, and takes a new key soon', async () => {
    await post(await issuer.sign(good()))
    const before = issuer.keyFetches()
    const storm = await Promise.all(
      Array.from({ length: 300 }, async (_, n) => post(await issuer.sign(good(), { kid: `unknown-${n}` }))),
    )
    expect(new Set(storm.map(({ status }) => status))).toEqual(new Set([401]))
    expect(issuer.keyFetches()).toBeLessThanOrEqual(before + 1)
  })

  it('takes a key that was published since, and still the one before', async () => {
    const other = await startIssuer()
    const verifier = createTokenVerifier({ profile: serviceProfile({ issuer: other.url, resource: url }) })
    const [before, claims] = [await other.sign(good({ iss: other.url })), good({ iss: other.url })]
    await other.rotate()
    expect((await verifier.verify(await other.sign(claims))).ok).toBe(true)
    expect((await verifier.verify(before)).ok).toBe(true)
    await other.close()
  })

  it('says that the keys cannot be read when the issuer is away, and recovers', async () => {
    const gone = 'http://127.0.0.1:9'
    const verifier = createTokenVerifier({ profile: serviceProfile({ issuer: gone, resource: url }) })
    expect(await verifier.verify(await issuer.sign(good({ iss: gone })))).toMatchObject({
      code: 'TOKEN_KEYS_UNREACHABLE',
    })
  })

  it('answers 503 then, so that the client keeps its token', async () => {
    const gone = 'http://127.0.0.1:9'
    const guarded = withBearer(async () => new Response('in'), {
      resource: url,
      authorizationServers: [gone],
      verifier: createTokenVerifier({ profile: serviceProfile({ issuer: gone, resource: url }) }),
      scopes: { supported: [], base: [], tools: {} },
      proofs: new MemoryTable(),
    })
    const token = await issuer.sign(good({ iss: gone }))
    const request = new Request(url, { method: 'POST', headers: { authorization: `Bearer ${token}` } })
    const response = await guarded(request, { requestId: 'r', principal: anonymous })
    expect([response.status, response.headers.get('www-authenticate')]).toEqual([503, null])
    expect(await response.json()).toMatchObject({ error: 'temporarily_unavailable' })
  })

  it('sends no token anywhere', () => {
    expect(issuer.seenHeaders().toLowerCase()).not.toContain('authorization')
  })
})

describe('scopes', () => {
  it('asks for all of an operation’s scopes at once: the base and the tool’s', async () => {
    const response = await post(await issuer.sign(good()), { body: call('add', { a: 1, b: 2 }) })
    expect(response.status).toBe(403)
    expect(response.headers.get('www-authenticate')).toBe(
      `Bearer error="insufficient_scope", error_description="The access token lacks a scope", scope="contract/read contract/write", resource_metadata="${metadataUrl}"`,
    )
    expect(codes).toEqual(['SCOPE_MISSING'])
    const allowed = await post(await issuer.sign(good({ scope: 'contract/read contract/write' })), {
      body: call('add', { a: 1, b: 2 }),
    })
    expect(allowed.status).toBe(200)
  })

  it.each([
    ['the tool in a batch', [call('echo', { text: 'a' }), call('add', { a: 1, b: 2 }, 2)], {}],
    [
      'a name written with escapes',
      '{"jsonrpc":"2.0","id":1,"method":"tools\\/call","params":{"name":"\\u0061dd","arguments":{"a":1,"b":2}}}',
      {},
    ],
    [
      'a name given twice',
      '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","name":"add","arguments":{"a":1,"b":2}}}',
      {},
    ],
    [
      'a header that names another tool',
      {
        ...call('add', { a: 1, b: 2 }),
        params: {
          name: 'add',
          arguments: { a: 1, b: 2 },
          _meta: {
            'io.modelcontextprotocol/protocolVersion': '2026-07-28',
            'io.modelcontextprotocol/clientCapabilities': {},
          },
        },
      },
      { 'mcp-protocol-version': '2026-07-28', 'mcp-method': 'tools/call', 'mcp-name': 'echo' },
    ],
  ])('is not led astray by %s', async (_name, body, headers) => {
    const response = await post(await issuer.sign(good()), { body, headers })
    expect([response.status, codes]).toEqual([403, ['SCOPE_MISSING']])
  })

  it.each(['', 'contract/write', 'contract/read2', 'CONTRACT/READ', 'contract'])(
    'refuses a token with the scope "%s"',
    async (scope) => {
      expect((await post(await issuer.sign(good({ scope })))).status).toBe(403)
    },
  )
})

describe('DPoP', () => {
  let keys: Awaited<ReturnType<typeof generateKeyPair>>
  let token: string
  beforeAll(async () => {
    keys = await generateKeyPair('ES256')
    token = await issuer.sign(good({ cnf: { jkt: await calculateJwkThumbprint(await exportJWK(keys.publicKey)) } }))
  })

  async function proof(
    change: { claims?: JWTPayload; header?: Record<string, unknown>; key?: typeof keys } = {},
  ): Promise<string> {
    const { createHash } = await import('node:crypto')
    const key = change.key ?? keys
    return new SignJWT({
      htm: 'POST',
      htu: url,
      iat: Math.floor(Date.now() / 1000),
      jti: randomUUID(),
      ath: createHash('sha256').update(token).digest('base64url'),
      ...change.claims,
    })
      .setProtectedHeader({ alg: 'ES256', typ: 'dpop+jwt', jwk: await exportJWK(key.publicKey), ...change.header })
      .sign(key.privateKey)
  }
  const withProof = (dpop: string, scheme = 'DPoP') =>
    post(undefined, { headers: { authorization: `${scheme} ${token}`, dpop } })

  it('lets the holder of the key in, once for each proof', async () => {
    const made = await proof()
    expect((await withProof(made)).status).toBe(200)
    const again = await withProof(made)
    expect([again.status, codes.at(-1)]).toEqual([401, 'DPOP_PROOF'])
    expect(again.headers.get('www-authenticate')).toMatch(/^DPoP .*error="invalid_dpop_proof".*algs="ES256/)
  })

  it.each([
    ['of another key', async () => proof({ key: await generateKeyPair('ES256') })],
    ['for another method', () => proof({ claims: { htm: 'GET' } })],
    ['for another URL', () => proof({ claims: { htu: 'https://other.example/mcp' } })],
    ['for another token', () => proof({ claims: { ath: 'x'.repeat(43) } })],
    ['without a token hash', () => proof({ claims: { ath: undefined } })],
    ['that is old', () => proof({ claims: { iat: Math.floor(Date.now() / 1000) - 120 } })],
    ['of the future', () => proof({ claims: { iat: Math.floor(Date.now() / 1000) + 120 } })],
    ['without a jti', () => proof({ claims: { jti: undefined as never } })],
    ['of another type', () => proof({ header: { typ: 'JWT' } })],
    ['that is none', async () => 'hello'],
  ])('refuses a proof %s', async (_name, make) => {
    const response = await withProof(await make())
    expect([response.status, codes]).toEqual([401, ['DPOP_PROOF']])
  })

  it('refuses a bound token as a bearer token, even with a proof, and an unbound one as DPoP', async () => {
    expect((await withProof(await proof(), 'Bearer')).status).toBe(401)
    const unbound = await issuer.sign(good())
    expect((await post(undefined, { headers: { authorization: `DPoP ${unbound}`, dpop: await proof() } })).status).toBe(
      401,
    )
  })
})

describe.each(Object.entries(clients))('the official client, %s', (_name, { revisions, connect: connectClient }) => {
  it.each(revisions)('works through it in %s', async (revision) => {
    const token = await issuer.sign(good())
    const authorized: typeof fetch = (input, init) => {
      const headers = new Headers(init?.headers)
      headers.set('authorization', `Bearer ${token}`)
      return fetch(input, { ...init, headers })
    }
    const client = await connectClient({ url, fetch: authorized, principal: '', close: async () => {} }, revision)
    expect((await client.call('whoami')).content[0]!.text).toBe('user-1')
    await client.close()
  })
})
