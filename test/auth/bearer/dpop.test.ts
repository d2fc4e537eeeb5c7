import { createHash } from 'node:crypto'
import { calculateJwkThumbprint, exportJWK } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { MemoryTable } from '../../../src/state/memory.ts'
import { makeKey, signWith, startIssuer, type SigningKey, type TestIssuer } from './issuer.ts'
import { mcpHeaders, nowS, startResource, toolCall, type Resource } from './resource.ts'

let key: SigningKey
let [holder, thief]: SigningKey[] = []
let issuer: TestIssuer
let resource: Resource
const table = new MemoryTable()
beforeAll(async () => {
  ;[key, holder, thief] = await Promise.all([makeKey('key-1'), makeKey('h', 'ES256'), makeKey('t', 'ES256')])
  issuer = await startIssuer([key])
  resource = await startResource({ issuer: issuer.url, proofs: table })
})
afterAll(async () => {
  await resource.close()
  await issuer.close()
})

let serial = 0
const publicJwk = ({ jwk }: SigningKey) => ({ kty: jwk.kty, crv: jwk.crv, x: jwk.x, y: jwk.y })
const ath = (token: string) => createHash('sha256').update(token).digest('base64url')
const mint = async (changed: Record<string, unknown> = {}, aud = resource.url) =>
  signWith(
    key,
    {
      iss: issuer.url,
      sub: 'ada',
      aud,
      client_id: 'app',
      scope: 'demo/read',
      jti: `j${++serial}`,
      iat: nowS(),
      exp: nowS() + 300,
      cnf: { jkt: await calculateJwkThumbprint(holder!.jwk) },
      ...changed,
    },
    { typ: 'at+jwt' },
  )
const prove = (
  token: string,
  claims: Record<string, unknown> = {},
  header: Record<string, unknown> = {},
  by = holder!,
) =>
  signWith(
    by,
    { htm: 'POST', htu: resource.url, ath: ath(token), iat: nowS(), jti: `a-proof-${++serial}`, ...claims },
    { typ: 'dpop+jwt', kid: undefined, jwk: publicJwk(by), ...header },
  )
const send = (
  headers: Record<string, string>,
  { url, method = 'POST' }: { url: string; method?: string } = { url: resource.url },
) =>
  fetch(url, {
    method,
    headers: { ...mcpHeaders, ...headers },
    ...(method === 'POST' ? { body: JSON.stringify(toolCall('whoami')) } : {}),
  })
const sendProof = async (token: string, proof: string) => send({ authorization: `DPoP ${token}`, dpop: proof })
const last = () => resource.refusals.at(-1)?.code

describe('a token that is bound to a key', () => {
  it('passes with a proof of that key, once for each proof', async () => {
    const token = await mint()
    const proof = await prove(token)
    expect((await sendProof(token, proof)).status).toBe(200)
    const replayed = await sendProof(token, proof)
    expect([replayed.status, resource.refusals.at(-1)?.why]).toEqual([401, expect.stringContaining('used before')])
    expect(replayed.headers.get('www-authenticate')).toMatch(/^DPoP error="invalid_dpop_proof", .*algs="ES256/)
    expect((await sendProof(token, await prove(token))).status).toBe(200)
  })

  it('passes once when a proof comes twenty times at the same time', async () => {
    const token = await mint()
    const proof = await prove(token)
    const answers = await Promise.all(Array.from({ length: 20 }, () => sendProof(token, proof)))
    expect(answers.map(({ status }) => status).filter((status) => status === 200)).toEqual([200])
  })

  it('passes once for all tasks that share the table', async () => {
    const other = await startResource({ issuer: issuer.url, proofs: table })
    try {
      // Tasks behind one address are one resource. Here each has an address of its own, so only the jti is the same.
      const token = await mint({}, other.url)
      const fitting = await prove(token, { htu: other.url, jti: 'a-shared-proof' })
      expect((await send({ authorization: `DPoP ${token}`, dpop: fitting }, { url: other.url })).status).toBe(200)
      const here = await mint()
      expect((await sendProof(here, await prove(here, { jti: 'a-shared-proof' }))).status).toBe(401)
      expect(last()).toBe('DPOP_PROOF')
    } finally {
      await other.close()
    }
  })

  it('is refused as a plain Bearer token, even after it was verified', async () => {
    const token = await mint()
    expect((await sendProof(token, await prove(token))).status).toBe(200)
    const response = await send({ authorization: `Bearer ${token}` })
    expect([response.status, last()]).toEqual([401, 'DPOP_MISSING'])
    expect(response.headers.get('www-authenticate')).toMatch(/^DPoP .*error="invalid_dpop_proof"/)
    const withProof = await send({ authorization: `Bearer ${token}`, dpop: await prove(token) })
    expect([withProof.status, last()]).toEqual([401, 'DPOP_MISSING'])
  })

  it('is refused without a proof', async () => {
    expect([(await send({ authorization: `DPoP ${await mint()}` })).status, last()]).toEqual([401, 'DPOP_MISSING'])
  })

  const wrong: [name: string, (token: string) => string | Promise<string>][] = [
    ['of another key', (token) => prove(token, {}, {}, thief)],
    ['of another key that shows the right one', (token) => prove(token, {}, { jwk: publicJwk(holder!) }, thief)],
    ['for another method', (token) => prove(token, { htm: 'GET' })],
    ['for the method in small letters', (token) => prove(token, { htm: 'post' })],
    ['for another path', (token) => prove(token, { htu: `${resource.origin}/other` })],
    ['for another host', (token) => prove(token, { htu: 'http://evil.example/mcp' })],
    ['for another port', (token) => prove(token, { htu: 'http://127.0.0.1:1/mcp' })],
    ['for no URL', (token) => prove(token, { htu: undefined })],
    ['for another token', (token) => prove(token, { ath: ath('other') })],
    ['for no token', (token) => prove(token, { ath: undefined })],
    ['of 61 seconds ago', (token) => prove(token, { iat: nowS() - 62 })],
    ['of the future', (token) => prove(token, { iat: nowS() + 90 })],
    ['of no time', (token) => prove(token, { iat: undefined })],
    ['without jti', (token) => prove(token, { jti: undefined })],
    ['with a jti of 300 letters', (token) => prove(token, { jti: 'x'.repeat(300) })],
    ['of another type', (token) => prove(token, {}, { typ: 'JWT' })],
    ['without its key', (token) => prove(token, {}, { jwk: undefined })],
    ['with its private key', async (token) => prove(token, {}, { jwk: await privateJwk() })],
    ['with a symmetric key', (token) => prove(token, {}, { jwk: { kty: 'oct', k: 'AAAA' } })],
    ['with a key that is none', (token) => prove(token, {}, { jwk: { kty: 'EC', crv: 'P-256' } })],
    ['that is no JWT', () => 'x'],
    ['that is sent twice', async (token) => `${await prove(token)}, ${await prove(token)}`],
    ['with alg none', (token) => prove(token).then(withoutSignature)],
    ['that is cut short', async (token) => (await prove(token)).slice(0, -6)],
  ]
  it.each(wrong)('is refused with a proof %s', async (_, proof) => {
    const token = await mint()
    const response = await sendProof(token, await proof(token))
    expect([response.status, last()]).toEqual([401, 'DPOP_PROOF'])
    expect(response.headers.get('www-authenticate')).toContain('error="invalid_dpop_proof"')
  })

  it('takes a URL with a query on either side', async () => {
    const token = await mint()
    const proof = await prove(token, { htu: `${resource.url}?a=1#b` })
    expect((await send({ authorization: `dpop ${token}`, dpop: proof }, { url: `${resource.url}?b=2` })).status).toBe(
      200,
    )
  })
})

it('a token that is bound to nothing is refused under the scheme DPoP', async () => {
  const token = await mint({ cnf: undefined })
  expect((await sendProof(token, await prove(token))).status).toBe(401)
  expect(last()).toBe('DPOP_PROOF')
})

async function privateJwk(): Promise<object> {
  return exportJWK(holder!.privateKey)
}

function withoutSignature(proof: string): string {
  const [head, body] = proof.split('.')
  const header = { ...(JSON.parse(Buffer.from(head!, 'base64url').toString()) as object), alg: 'none' }
  return [Buffer.from(JSON.stringify(header)).toString('base64url'), body, ''].join('.')
}
