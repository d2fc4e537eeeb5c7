import { randomBytes } from 'node:crypto'
import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { keptLine } from '../../src/explain/keep.ts'
import type { KeptRequest } from '../../src/explain/kept.ts'
import { readKept } from '../../src/local/kept.ts'
import { RequestLog, type RequestRecord } from '../../src/local/requests.ts'
import { temporaryFolder } from '../support/temporary.ts'

let folder: Awaited<ReturnType<typeof temporaryFolder>> | undefined
afterEach(async () => {
  await folder?.remove()
  folder = undefined
})

const facts = { id: 'one', at: 0, platform: 'lambda', method: 'POST', status: 403, ms: 1 }
const kept = (wire: { target?: string; rawHeaders?: string[]; body?: string | Buffer }, status = 403) => {
  const body = Buffer.from(wire.body ?? '')
  const line = keptLine(
    { ...facts, status, requestBytes: body.byteLength },
    { target: '/mcp', rawHeaders: [], ...wire, body },
  )
  return JSON.parse(line) as KeptRequest
}

describe('what is kept of a request', () => {
  it('has no secret of its headers, its query or its body', () => {
    const secret = () => randomBytes(24).toString('hex')
    const secrets = Array.from({ length: 17 }, secret)
    const jwt = `${Buffer.from('{"alg":"RS256"}').toString('base64url')}.${Buffer.from('{"sub":"ada"}').toString('base64url')}.${secrets[0]}`
    const text = JSON.stringify([
      kept({
        rawHeaders: [
          'Authorization',
          `Bearer ${jwt}`,
          'DPoP',
          jwt,
          'Cookie',
          `s=${secrets[1]}`,
          'X-Amz-Security-Token',
          secrets[2]!,
        ],
      }),
      kept({
        rawHeaders: [
          'authorization',
          `Basic ${secrets[3]}`,
          'x-api-key',
          secrets[4]!,
          'x-origin-verify',
          secrets[5]!,
          'proxy-authorization',
          secrets[6]!,
        ],
      }),
      kept({
        rawHeaders: ['authorization', `Bearer ${secrets[7]}`],
        target: `/callback?code=${secrets[8]}&access_token=${secrets[9]}&X-Amz-Security-Token=${secrets[10]}`,
      }),
      kept({
        rawHeaders: ['content-type', 'application/x-www-form-urlencoded'],
        body: `grant_type=authorization_code&csrf=${secrets[16]}&code=${secrets[11]}&code_verifier=${secrets[12]}&client_secret=${secrets[13]}&client_assertion=${secrets[14]}`,
      }),
      kept({
        rawHeaders: ['content-type', 'application/json'],
        body: JSON.stringify({ params: { password: secrets[15] } }),
      }),
    ])
    for (const each of secrets) expect(text).not.toContain(each)
    expect(text).toContain('grant_type=authorization_code')
    expect(text).toContain('Bearer eyJ')
  })

  it('keeps of a signature what is enough to compare, and no more', () => {
    const signature = randomBytes(32).toString('hex')
    const { headers } = kept({
      rawHeaders: [
        'authorization',
        `AWS4-HMAC-SHA256 Credential=A/1/2/3/4, SignedHeaders=host, Signature=${signature}`,
      ],
    })
    expect(headers[1]).toContain(`Signature=${signature.slice(0, 16)}…`)
    expect(headers[1]).not.toContain(signature.slice(0, 17))
  })

  it('has a capped body, the whole of a refused one', () => {
    const body = 'x'.repeat(100_000)
    expect(kept({ body }).body).toHaveLength(100_000)
    expect(kept({ body }, 200).body).toHaveLength(4096)
    expect(kept({ body }, 200)).toMatchObject({ altered: true, bodyBytes: 100_000 })
    expect(kept({ body: 'x'.repeat(1_000_000) }).body!.length).toBeLessThan(300_000)
  })

  it('gives back the bytes of a body that is no text', () => {
    const body = randomBytes(200)
    const found = kept({ body })
    expect(Buffer.from(found.body!, 'base64')).toEqual(body)
    expect(found.base64).toBe(true)
  })
})

describe('the file', () => {
  it('is its owner’s alone, bounded, and read after a crash in the middle of a line', async () => {
    folder = await temporaryFolder()
    const dir = join(folder.path, '.fairlead')
    const { mkdirSync, appendFileSync } = await import('node:fs')
    mkdirSync(dir)
    const log = new RequestLog(dir, () => {})
    const record: RequestRecord = {
      id: 'a',
      at: 1,
      platform: 'lambda',
      method: 'POST',
      path: '/mcp',
      status: 403,
      ms: 1,
      requestBytes: 200_000,
      responseBytes: 0,
    }
    const body = Buffer.alloc(200_000, 'x')
    for (let at = 0; at < 120; at++) {
      log.add({ ...record, id: `r-${at}` }, { target: '/mcp', rawHeaders: ['host', 'x'], body })
      log.flush()
    }
    const file = join(dir, 'requests.jsonl')
    expect(statSync(file).mode & 0o777).toBe(0o600)
    expect(statSync(file).size + statSync(`${file}.1`).size).toBeLessThan(17 * 1024 * 1024)
    appendFileSync(file, '{"id":"cut')
    expect(readKept(folder.path).at(-1)!.id).toBe('r-119')
    expect(readFileSync(file, 'utf8')).toContain('r-119')
  })
})
