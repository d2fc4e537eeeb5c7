import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { verify } from '../../src/auth/sigv4/verify.ts'
import type { Credentials } from '../../src/auth/sigv4/credentials.ts'
import { awsCredentials } from '../../src/connect/aws-credentials.ts'
import { awsFetch } from '../../src/connect/aws-fetch.ts'
import { endpointFetch } from '../../src/connect/endpoint-fetch.ts'
import type { LightFetch } from '../../src/http/light-fetch.ts'
import { listen, type Listening } from '../../src/http/node-server.ts'
import { readText } from '../../src/http/quoted.ts'
import { temporaryFolder } from '../support/temporary.ts'
import { logged } from '../support/log-capture.ts'

const scope = { service: 'lambda', region: 'us-east-1' }
const first = { accessKeyId: 'ASIAFIRST', secretAccessKey: 'one', sessionToken: 'token-one' }
const second = { accessKeyId: 'ASIASECOND', secretAccessKey: 'two', sessionToken: 'token-two' }

let server: Listening
let valid: Credentials[]
let seen: string[]
let answerAs: ((reason: string) => Response) | undefined

beforeAll(async () => {
  server = await listen(async (request) => {
    const { pathname, search, host } = new URL(request.url)
    const rawHeaders = [...request.headers].flat()
    if (!request.headers.has('host')) rawHeaders.push('host', host)
    const body = new Uint8Array(await request.arrayBuffer())
    const outcome = verify(
      { method: request.method, target: pathname + search, rawHeaders, body },
      { ...scope, lookup: (id) => valid.find((each) => each.accessKeyId === id) },
    )
    seen.push(outcome.ok ? 'ok' : outcome.reason)
    if (outcome.ok) return new Response('in')
    return answerAs?.(outcome.reason) ?? new Response(`{"Message":"${outcome.reason === 'SIGV4_KEY_UNKNOWN' ? 'The security token included in the request is expired' : 'Forbidden'}"}`, { status: 403 }) // prettier-ignore
  })
})
afterEach(() => {
  answerAs = undefined
  vi.unstubAllEnvs()
})
afterAll(() => server.close())

function credentials(...given: Credentials[]) {
  let at = 0
  return {
    get: async () => given[at]!,
    renew: () => void (at = Math.min(at + 1, given.length - 1)),
    fix: () => 'aws sso login --profile dev',
  }
}

const post = (send: LightFetch) => send(`${server.url}/mcp?a=1`, { method: 'POST', body: '{}' })

describe('awsFetch', () => {
  it('corrects a clock that is an hour off from the Date of the refusal, and keeps it', async () => {
    valid = [first]
    seen = []
    const log: string[] = []
    const send = awsFetch({ ...scope, credentials: credentials(first), now: () => Date.now() - 3_600_000, log: (line) => log.push(logged(line)) }) // prettier-ignore
    expect((await post(send)).status).toBe(200)
    expect((await post(send)).status).toBe(200)
    expect(seen).toEqual(['SIGV4_CLOCK_SKEW', 'ok', 'ok'])
    expect(log).toEqual([expect.stringMatching(/(3599|3600|3601) s off/)])
  })

  it('looks credentials up anew when they have ended', async () => {
    valid = [second]
    seen = []
    const send = awsFetch({ ...scope, credentials: credentials(first, second) })
    expect((await post(send)).status).toBe(200)
    expect(seen).toEqual(['SIGV4_KEY_UNKNOWN', 'ok'])
  })

  it('says what to do when there are no newer ones, without a secret', async () => {
    valid = []
    seen = []
    answerAs = () => new Response('ExpiredTokenException x-amz-security-token:token-one', { status: 403 })
    const failed = await post(awsFetch({ ...scope, credentials: credentials(first) })).catch((error: unknown) => error)
    expect(failed).toMatchObject({ code: 'CREDENTIALS_EXPIRED', fix: 'aws sso login --profile dev', exitCode: 3 })
    expect(JSON.stringify(failed)).not.toContain('token-one')
    expect(seen).toHaveLength(2)
  })

  it('gives any other refusal back as it came', async () => {
    valid = []
    answerAs = () => new Response('{"Message":"no"}', { status: 403 })
    const response = await post(awsFetch({ ...scope, credentials: credentials(first) }))
    expect([response.status, await readText(response, 1000)]).toEqual([403, '{"Message":"no"}'])
  })
})

describe('awsCredentials', () => {
  it('takes the environment first', async () => {
    const env = { AWS_ACCESS_KEY_ID: 'A', AWS_SECRET_ACCESS_KEY: 'S', AWS_SESSION_TOKEN: 'T' }
    expect(await awsCredentials({ env }).get()).toEqual({ accessKeyId: 'A', secretAccessKey: 'S', sessionToken: 'T' })
  })

  it('reads a profile, and reads it anew after it has changed', async () => {
    const { folder, config } = await awsFolder()
    config('[profile dev]\naws_access_key_id = A1\naws_secret_access_key = S1\n')
    const source = awsCredentials({ profile: 'dev' })
    expect(await source.get()).toMatchObject({ accessKeyId: 'A1' })
    config('[profile dev]\naws_access_key_id = A2\naws_secret_access_key = S2\n')
    source.renew()
    expect(await source.get()).toMatchObject({ accessKeyId: 'A2' })
    await folder.remove()
  })

  it('runs a credential_process', async () => {
    const { folder, config } = await awsFolder()
    const script = join(folder.path, 'process.sh')
    writeFileSync(script, '#!/bin/sh\necho \'{"Version":1,"AccessKeyId":"AP","SecretAccessKey":"SP"}\'\n')
    chmodSync(script, 0o700)
    config(`[profile tool]\ncredential_process = ${script}\n`)
    expect(await awsCredentials({ profile: 'tool' }).get()).toMatchObject({ accessKeyId: 'AP' })
    await folder.remove()
  })

  it.each([
    ['an SSO session that has ended', 'sso_session = s\nsso_account_id = 123456789012\nsso_role_name = r\n\n[sso-session s]\nsso_region = us-east-1\nsso_start_url = https://x.example\n', 'aws sso login --profile dev'], // prettier-ignore
    ['a profile with nothing in it', 'region = us-east-1\n', 'aws configure --profile dev'],
  ])('says in one line what to do about %s', async (_, lines, fix) => {
    const { folder, config } = await awsFolder()
    config(`[profile dev]\n${lines}`)
    const failed = await awsCredentials({ profile: 'dev' })
      .get()
      .catch((error: unknown) => error)
    expect(failed).toMatchObject({ code: 'CREDENTIALS_MISSING', fix })
    await folder.remove()
  })
})

describe('endpointFetch', () => {
  const oauth = () => fetch
  it('asks for service and region where a host does not say them', () => {
    expect(() => endpointFetch({ url: 'https://mcp.example.com/mcp', auth: 'sigv4', oauth })).toThrow(/does not say which service and region/) // prettier-ignore
  })

  it('signs for what it is told', async () => {
    vi.stubEnv('AWS_PROFILE', undefined)
    vi.stubEnv('AWS_ACCESS_KEY_ID', first.accessKeyId)
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', first.secretAccessKey)
    vi.stubEnv('AWS_SESSION_TOKEN', first.sessionToken)
    valid = [first]
    const send = endpointFetch({ url: `${server.url}/mcp`, auth: 'sigv4', ...scope, oauth })
    expect((await post(send)).status).toBe(200)
  })

  it('names the flags when an unknown host answers as AWS does to who does not sign', async () => {
    answerAs = () => new Response('{"message":"Missing Authentication Token"}', { status: 403 })
    await expect(post(endpointFetch({ url: `${server.url}/mcp`, oauth }))).rejects.toMatchObject({
      code: 'AWS_SCOPE_UNKNOWN',
      exitCode: 2,
    })
  })
})

async function awsFolder() {
  const folder = await temporaryFolder()
  mkdirSync(join(folder.path, '.aws'))
  const file = join(folder.path, '.aws/config')
  vi.stubEnv('HOME', folder.path)
  vi.stubEnv('AWS_CONFIG_FILE', file)
  vi.stubEnv('AWS_SHARED_CREDENTIALS_FILE', join(folder.path, '.aws/credentials'))
  vi.stubEnv('AWS_EC2_METADATA_DISABLED', 'true')
  return { folder, config: (text: string) => writeFileSync(file, text) }
}
