import { randomUUID } from 'node:crypto'
import { generateKeyPair, SignJWT } from 'jose'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { Browser } from '../support/browser.ts'
import {
  authorization,
  callback,
  post,
  postJson,
  redeem,
  refresh,
  signIn,
  startService,
  type TestService,
} from './support.ts'

let at: TestService
const printed: string[] = []
const machineSecret = `machine-${randomUUID()}`
beforeAll(async () => {
  for (const name of ['log', 'info', 'warn', 'error', 'debug'] as const)
    vi.spyOn(console, name).mockImplementation((...parts: unknown[]) => void printed.push(parts.map(String).join(' ')))
  at = await startService({ clients: [{ id: 'machine', secret: machineSecret, scopes: ['read'] }] })
})
afterAll(async () => {
  vi.restoreAllMocks()
  await at.close()
})

it('nothing that was minted stands in a log line or in the table', async () => {
  const secrets = new Set<string>([machineSecret, at.secret, at.upstream.clientSecret])
  const keep = (...values: unknown[]) => {
    for (const value of values) if (typeof value === 'string' && value.length > 15) secrets.add(value)
  }
  const { body: client } = await postJson(`${at.issuer}/register`, {
    redirect_uris: [callback],
    token_endpoint_auth_method: 'client_secret_post',
  })
  const clientId = String(client.client_id)
  const proof = { client_secret: String(client.client_secret) }
  keep(client.client_secret)

  const browser = new Browser()
  const flow = authorization(at.issuer, clientId, { scope: 'openid tools/read' })
  const came = await signIn(browser, flow.url, 'ada')
  keep(came.get('code'), flow.verifier)
  const first = (await redeem(at.issuer, clientId, came.get('code')!, flow.verifier, proof)).body
  keep(first.access_token, first.refresh_token, first.id_token)
  const second = (await refresh(at.issuer, clientId, String(first.refresh_token), proof)).body
  keep(second.access_token, second.refresh_token)
  await refresh(at.issuer, clientId, String(first.refresh_token), proof)
  for (const cookie of browser.cookies()) keep(cookie.slice(cookie.indexOf('=') + 1))

  // Everything that fails is logged, and is where secrets would leak.
  await redeem(at.issuer, clientId, came.get('code')!, flow.verifier, proof)
  await redeem(at.issuer, clientId, came.get('code')!, flow.verifier, { client_secret: `wrong-${randomUUID()}` })
  await refresh(at.issuer, clientId, String(second.refresh_token), { ...proof, resource: 'https://evil.example/' })
  await post(`${at.issuer}/token`, {
    grant_type: 'client_credentials',
    client_id: 'machine',
    client_secret: machineSecret,
  })
  await post(`${at.issuer}/revoke`, { token: String(second.refresh_token), client_id: clientId, ...proof })
  await post(`${at.issuer}/revoke`, { token: String(second.access_token), client_id: clientId, ...proof })
  const { privateKey } = await generateKeyPair('ES256')
  const assertion = await new SignJWT({ jti: randomUUID() })
    .setProtectedHeader({ alg: 'ES256' })
    .setIssuer('machine')
    .setSubject('machine')
    .setAudience(at.issuer)
    .setExpirationTime('1m')
    .sign(privateKey)
  keep(assertion)
  await post(`${at.issuer}/token`, {
    grant_type: 'client_credentials',
    client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
    client_assertion: assertion,
  })
  for (const idToken of at.upstream.idTokens) keep(idToken)
  for (const exchange of at.upstream.exchanges) keep(exchange.get('code'), exchange.get('code_verifier'))
  for (const visited of browser.visited) keep(new URL(visited).searchParams.get('nonce'))
  for (const visited of browser.visited) keep(/\/federation\/callback.*state=([^&]+)/.exec(visited)?.[1])

  const table = await at.scan()
  const lines = [...at.logs, ...printed]
  expect(secrets.size).toBeGreaterThan(14)
  expect(lines.length).toBeGreaterThan(5)
  for (const secret of secrets) {
    expect(table.includes(secret), 'in the table').toBe(false)
    expect(lines.filter((line) => line.includes(secret))).toEqual([])
  }
  expect(printed).toEqual([])
  expect(table).not.toMatch(/sub-ada|ada|"d"|private/)
  for (const item of JSON.parse(table) as { exp?: { N?: string } }[]) expect(Number(item.exp?.N)).toBeGreaterThan(0)
})
