import { afterEach, describe, expect, it } from 'vitest'
import type { ProtectedResource } from '../../src/oauth/scopes.ts'
import { authorization, post, register, startService, type TestService } from './support.ts'

const one: ProtectedResource = {
  resource: 'https://one.example.com/mcp',
  name: 'one',
  scopes: { read: { description: 'Read' } },
}
const two = { ...one, resource: 'https://two.example.com/mcp', name: 'two' }

let at: TestService
afterEach(() => at.close())

async function start(known: ProtectedResource[], found: () => ProtectedResource[]) {
  const time = { at: Date.now() }
  const asked = { times: 0 }
  at = await startService({
    now: () => time.at,
    resources: known,
    baseScopes: ['read'],
    lookUpResources: async () => {
      asked.times++
      return found()
    },
  })
  return { time, asked }
}

const refused = async (resource: string) => {
  const form = { grant_type: 'refresh_token', refresh_token: 'x', client_id: 'x', resource }
  await post(`${at.issuer}/token`, form)
}

describe('the resources of the service', () => {
  it('are looked up when it starts with none', async () => {
    const { asked } = await start([], () => [one])
    const document = (await (await fetch(`${at.issuer}/.well-known/oauth-authorization-server`)).json()) as object
    expect(document).toMatchObject({ scopes_supported: ['openid', 'offline_access', 'one/read'] })
    expect(asked.times).toBe(1)
  })

  it('are looked up again for one that is not known, at most every ten seconds', async () => {
    let found = [one]
    const { time, asked } = await start([one], () => found)
    await refused(one.resource)
    expect(asked.times).toBe(0)
    time.at += 10_000
    for (let n = 0; n < 5; n++) await refused('https://nobody.example.com/mcp')
    expect(asked.times).toBe(1)
    found = [one, two]
    time.at += 10_000
    const clientId = await register(at.issuer)
    const { url } = authorization(at.issuer, clientId, { resource: two.resource, scope: 'two/read' })
    const { status, headers } = await fetch(url, { redirect: 'manual' })
    expect([status, headers.get('location')]).toEqual([303, expect.stringContaining('/interaction/')])
    expect(asked.times).toBe(2)
  })

  it('are looked up every five minutes, since a server that is known may have other scopes now', async () => {
    const { time, asked } = await start([one], () => [{ ...one, scopes: { write: { description: 'Write' } } }])
    time.at += 299_999
    await refused(one.resource)
    expect(asked.times).toBe(0)
    time.at += 1
    const document = (await (await fetch(`${at.issuer}/.well-known/oauth-authorization-server`)).json()) as object
    expect(document).toMatchObject({ scopes_supported: ['openid', 'offline_access', 'one/write'] })
  })

  it('stay as they are when they cannot be looked up', async () => {
    const { time } = await start([one], () => {
      throw new Error('SSM is down')
    })
    time.at += 10_000
    await refused('https://nobody.example.com/mcp')
    const document = (await (await fetch(`${at.issuer}/.well-known/oauth-authorization-server`)).json()) as object
    expect(document).toMatchObject({ scopes_supported: ['openid', 'offline_access', 'one/read'] })
    expect(at.logs.join('\n')).toContain('resources.error')
  })
})
