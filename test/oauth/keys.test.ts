import { randomBytes } from 'node:crypto'
import { decodeProtectedHeader } from 'jose'
import { afterEach, describe, expect, it } from 'vitest'
import { KeySet } from '../../src/oauth/keys.ts'
import { createSeal } from '../../src/oauth/seal.ts'
import { sealTable } from '../../src/oauth/sealed-table.ts'
import { MemoryTable } from '../../src/state/memory.ts'
import { refresh, register, startService, tokensFor, type TestService } from './support.ts'

const day = 86_400_000
const month = 30 * day

function clock(at = Date.now()) {
  const time = { at }
  return { time, now: () => time.at }
}

describe('the keys of many processes', () => {
  const { time, now } = clock()
  const table = sealTable(new MemoryTable({ now }), createSeal(randomBytes(32).toString('base64url')))
  const open = () => KeySet.open(table, 'ES256', 'test', now)
  const kids = (keys: KeySet) => keys.jwks().keys.map(({ kid }) => kid)

  it('rotate once when they are due, to the key that was published before', async () => {
    const processes = await Promise.all([open(), open(), open(), open()])
    await Promise.all(processes.map((keys) => keys.publishNext()))
    const before = processes[0]
    const [signs, next] = kids(before)
    for (const keys of processes) expect(kids(keys)).toEqual([signs, next])
    time.at += month - 1
    expect(await Promise.all(processes.map((keys) => keys.rotateWhenDue(month)))).not.toContain(true)
    time.at += 1
    await Promise.all(processes.map((keys) => keys.rotateWhenDue(month)))
    await Promise.all(processes.map((keys) => keys.rotateWhenDue(month)))
    const after = kids(before)
    expect(after).toEqual([next, expect.any(String), signs])
    for (const keys of processes) expect(kids(keys)).toEqual(after)
    // The old key goes when nothing that it signed is valid any more.
    time.at += 15 * 60_000
    expect(kids(before)).toEqual(after.slice(0, 2))
  })

  it('do not sign with a key that verifiers have not had for two hours', async () => {
    const keys = await open()
    time.at += 3600_000
    expect(await keys.rotateWhenDue(1)).toBe(false)
    time.at += 3600_000
    expect(await keys.rotateWhenDue(1)).toBe(true)
  })
})

describe('the service', () => {
  let at: TestService
  afterEach(() => at.close())

  it('rotates its keys by itself after 30 days, and what was signed before stays good', async () => {
    const { time, now } = clock()
    at = await startService({ now })
    const published = async () =>
      ((await (await fetch(`${at.issuer}/jwks`)).json()) as { keys: { kid: string }[] }).keys.map(({ kid }) => kid)
    const clientId = await register(at.issuer)
    const before = await tokensFor(at.issuer, clientId, 'ada')
    const [signed, next] = await published()
    expect(decodeProtectedHeader(before.access_token).kid).toBe(signed)
    time.at += 29 * day
    expect(await published()).toEqual([signed, next])
    time.at += day
    expect(await published()).toEqual([next, expect.any(String), signed])
    expect(at.logs.filter((line) => line.includes('keys.rotated'))).toHaveLength(1)
  })

  it('keeps people signed in while its keys rotate', async () => {
    const { time, now } = clock()
    at = await startService({ now, rotateKeysAfterS: 7200 })
    const clientId = await register(at.issuer)
    const before = await tokensFor(at.issuer, clientId, 'ada')
    time.at += 7200_000
    const { status, body } = await refresh(at.issuer, clientId, before.refresh_token)
    expect(status).toBe(200)
    expect(decodeProtectedHeader(String(body.access_token)).kid).not.toBe(
      decodeProtectedHeader(before.access_token).kid,
    )
  })
})
