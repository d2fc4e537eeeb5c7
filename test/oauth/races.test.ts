import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { mayRegister } from '../../src/oauth/rate-limits.ts'
import { createSeal } from '../../src/oauth/seal.ts'
import { sealTable } from '../../src/oauth/sealed-table.ts'
import { MemoryTable } from '../../src/state/memory.ts'
import { Browser } from '../support/browser.ts'
import {
  authorization,
  post,
  postJson,
  redeem,
  refresh,
  register,
  signIn,
  startService,
  tokensFor,
  type Answer,
  type TestService,
} from './support.ts'

let at: TestService
let ahead = 0
beforeAll(async () => {
  at = await startService({ now: () => Date.now() + ahead })
})
afterAll(() => at.close())

const times = <T>(n: number, work: () => Promise<T>) => Promise.all(Array.from({ length: n }, work))

describe('a code', () => {
  it('redeemed 100 times at once gives exactly one success, and a dead grant', async () => {
    const clientId = await register(at.issuer)
    const flow = authorization(at.issuer, clientId)
    const code = (await signIn(new Browser(), flow.url, 'ada')).get('code')!
    const answers = await times(100, () => redeem(at.issuer, clientId, code, flow.verifier))
    const won = answers.filter(({ status }) => status === 200)
    expect(won).toHaveLength(1)
    for (const { status, body } of answers)
      if (status !== 200) expect([status, body.error]).toEqual([400, 'invalid_grant'])
    const after = await refresh(at.issuer, clientId, won[0]!.body.refresh_token as string)
    expect([after.status, after.body.error]).toEqual([400, 'invalid_grant'])
  })

  it('redeemed again later kills what it gave', async () => {
    const clientId = await register(at.issuer)
    const flow = authorization(at.issuer, clientId)
    const code = (await signIn(new Browser(), flow.url, 'ada')).get('code')!
    const first = await redeem(at.issuer, clientId, code, flow.verifier)
    expect((await redeem(at.issuer, clientId, code, flow.verifier)).body.error).toBe('invalid_grant')
    expect((await refresh(at.issuer, clientId, first.body.refresh_token as string)).body.error).toBe('invalid_grant')
  })
})

describe('a refresh token', () => {
  it('used 100 times at once gives one answer, and that is good for another refresh', async () => {
    const clientId = await register(at.issuer)
    const { refresh_token } = await tokensFor(at.issuer, clientId, 'ada')
    const answers = await times(100, () => refresh(at.issuer, clientId, refresh_token))
    expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 100 }, () => 200))
    expect(new Set(answers.map(({ body }) => JSON.stringify(body))).size).toBe(1)
    expect((await refresh(at.issuer, clientId, answers[0]!.body.refresh_token as string)).status).toBe(200)
  })

  it('used again within 30 seconds gives the same answer, and after them kills its grant', async () => {
    const clientId = await register(at.issuer)
    const { refresh_token } = await tokensFor(at.issuer, clientId, 'ada')
    const first = await refresh(at.issuer, clientId, refresh_token)
    expect((await refresh(at.issuer, clientId, refresh_token)).body).toEqual(first.body)
    ahead = 31_000
    try {
      expect((await refresh(at.issuer, clientId, refresh_token)).body.error).toBe('invalid_grant')
      expect((await refresh(at.issuer, clientId, first.body.refresh_token as string)).body.error).toBe('invalid_grant')
    } finally {
      ahead = 0
    }
  })

  it('used again by another client, or with another question, gives nothing', async () => {
    const clientId = await register(at.issuer)
    const other = await register(at.issuer)
    const { refresh_token } = await tokensFor(at.issuer, clientId, 'ada')
    const first = await refresh(at.issuer, clientId, refresh_token)
    expect((await refresh(at.issuer, other, refresh_token)).body.error).toBe('invalid_grant')
    expect((await refresh(at.issuer, clientId, first.body.refresh_token as string)).status).toBe(200)
  })

  it('survives a refresh for a wrong resource', async () => {
    const clientId = await register(at.issuer)
    const { refresh_token } = await tokensFor(at.issuer, clientId, 'ada')
    for (const resource of ['https://elsewhere.example.com/mcp', 'https://other.example.com/mcp', 'not a uri'])
      expect((await refresh(at.issuer, clientId, refresh_token, { resource })).body.error).toBe('invalid_target')
    expect((await refresh(at.issuer, clientId, refresh_token)).status).toBe(200)
  })

  it('in its grace is not answered when the grant was revoked meanwhile', async () => {
    const clientId = await register(at.issuer)
    const { refresh_token } = await tokensFor(at.issuer, clientId, 'ada')
    const { body } = await refresh(at.issuer, clientId, refresh_token)
    await post(`${at.issuer}/revoke`, { token: body.refresh_token as string, client_id: clientId })
    expect((await refresh(at.issuer, clientId, refresh_token)).body.error).toBe('invalid_grant')
  })
})

describe('registration', () => {
  it('of 30 clients at once from one address gives exactly 10, whatever they write into X-Forwarded-For', async () => {
    let n = 0
    const answers: Answer[] = await times(30, () =>
      postJson(
        `${at.issuer}/register`,
        { redirect_uris: ['https://app.example.com/callback'] },
        { 'x-forwarded-for': `192.0.2.${n++}, 203.0.113.9` },
      ),
    )
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(10)
    const refused = answers.find(({ status }) => status === 429)!
    expect(refused.body.error).toBe('temporarily_unavailable')
    expect(refused.headers.get('retry-after')).toBe('3600')
  })

  it('from 600 addresses at once gives 500 in an hour', async () => {
    const table = new MemoryTable()
    const sealed = sealTable(table, createSeal('x'.repeat(32)))
    let n = 0
    const answers = await times(600, () => mayRegister(sealed, `203.0.113.${n++}`, 10))
    expect(answers.filter(Boolean)).toHaveLength(500)
    await table.close()
  })

  it('ends after a day without use, and not within 90 days of a use', async () => {
    const [unused, used] = [await register(at.issuer), await register(at.issuer)]
    await tokensFor(at.issuer, used, 'ada')
    const known = async (id: string) => (await fetch(authorization(at.issuer, id).url, { redirect: 'manual' })).status
    const day = 86_400_000
    try {
      ahead = 2 * day
      expect(await known(unused)).toBe(400)
      expect(await known(used)).toBe(303)
      ahead = 90 * day
      expect(await known(used)).toBe(303)
      ahead = 92 * day
      expect(await known(used)).toBe(400)
    } finally {
      ahead = 0
    }
  })
})
