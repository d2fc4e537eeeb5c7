import { spawn, type ChildProcess } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { freePort } from '../../src/http/local-port.ts'
import { buildAuthorizationService } from '../../src/build/authorization-service.ts'
import { startLocalDynamo, type LocalDynamo } from '../../src/local/dynamodb/start.ts'
import { authorization, redeem, refresh, register, resource, signIn } from '../oauth/support.ts'
import { inEnv, startAwsJson } from '../support/aws-json.ts'
import { Browser } from '../support/browser.ts'
import { temporaryFolder } from '../support/temporary.ts'
import { startUpstream, type TestUpstream } from '../support/upstream.ts'

let folder: Awaited<ReturnType<typeof temporaryFolder>>
let dynamo: LocalDynamo
let upstream: TestUpstream
let built: Awaited<ReturnType<typeof buildAuthorizationService>>
beforeAll(async () => {
  folder = await temporaryFolder()
  dynamo = await startLocalDynamo('us-east-1')
  upstream = await startUpstream()
  built = await buildAuthorizationService(join(folder.path, 'one'))
})
afterAll(async () => {
  await folder.remove()
  await dynamo.close()
  await upstream.close()
})

function run(
  port: number,
  issuer: string,
  alg: string,
): { child: ChildProcess; listening: Promise<string>; text: () => string } {
  let text = ''
  const child = spawn(process.execPath, [join(built.dir, 'index.js')], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      ...dynamo.env,
      HOST: '127.0.0.1',
      PORT: String(port),
      FAIRLEAD_SECRET: 'a secret of thirty-two bytes or more',
      COGNITO_SECRET: upstream.clientSecret,
      FAIRLEAD_AUTHORIZATION_SERVICE: JSON.stringify({
        issuer,
        alg,
        resources: [{ resource, name: 'tools', scopes: { read: { description: 'See', groups: ['readers'] } } }],
        upstream: { issuer: upstream.issuer, clientId: upstream.clientId, clientSecretEnv: 'COGNITO_SECRET' },
      }),
    },
  })
  child.stderr.on('data', (chunk: Buffer) => (text += chunk.toString()))
  const listening = new Promise<string>((resolve, reject) => {
    child.stdout.once('data', (line: Buffer) =>
      resolve((JSON.parse(line.toString()) as { listening: string }).listening),
    )
    child.once('exit', () => reject(new Error(text.slice(-1000))))
  })
  return { child, listening, text: () => text }
}

describe('the artifact of the authorization service', () => {
  it('is one file of at most 2 MB, the same bytes every time, without the local stack', async () => {
    const again = await buildAuthorizationService(join(folder.path, 'two'))
    expect(again.digest).toBe(built.digest)
    expect(built.files.map(({ name }) => name)).toEqual(['index.js', 'package.json'])
    expect(built.files[0]!.bytes).toBeLessThan(2_000_000)
    expect(readFileSync(join(built.dir, 'index.js'), 'utf8')).not.toContain(folder.path)
  })

  it('signs people in as two processes with one table, and drains', async () => {
    const [port, other] = [await freePort(), await freePort()]
    const issuer = `http://127.0.0.1:${port}`
    const first = run(port, issuer, 'ES256')
    expect(await first.listening).toBe(issuer)
    const second = run(other, issuer, 'ES256')
    await second.listening
    const clientId = await register(issuer)
    const flow = authorization(issuer, clientId)
    const code = (await signIn(new Browser(), flow.url, 'ada')).get('code')!
    // The code that one process gave is redeemed at the other, and its token refreshed at the first.
    const { body } = await redeem(`http://127.0.0.1:${other}`, clientId, code, flow.verifier)
    expect(JSON.parse(Buffer.from(String(body.access_token).split('.')[0]!, 'base64url').toString())).toMatchObject({
      alg: 'ES256',
      typ: 'at+jwt',
    })
    expect((await refresh(issuer, clientId, String(body.refresh_token))).status).toBe(200)
    const ended = [first, second].map(({ child }) => new Promise((resolve) => child.once('exit', resolve)))
    for (const { child } of [first, second]) child.kill('SIGTERM')
    expect(await Promise.all(ended)).toEqual([0, 0])
    for (const line of first.text().trim().split('\n')) expect(JSON.parse(line)).toHaveProperty('event')
  })

  it('reads its settings and its resources from Secrets Manager and SSM, and answers nobody who comes around CloudFront', async () => {
    const port = await freePort()
    const issuer = `http://127.0.0.1:${port}`
    const arn = (service: string, rest: string) => `arn:aws:${service}:us-east-1:000000000000:${rest}`
    const values: Record<string, string> = {
      [arn('secretsmanager', 'secret:service-AbCdEf')]: 'a secret of thirty-two bytes or more',
      [arn('secretsmanager', 'secret:origin-AbCdEf')]: 'the-origin-secret',
      [arn('ssm', 'parameter/fairlead/a/prod/place')]: JSON.stringify({
        issuer,
        clientId: upstream.clientId,
        clientSecretArn: arn('secretsmanager', 'secret:upstream-AbCdEf'),
      }),
      [arn('secretsmanager', 'secret:upstream-AbCdEf')]: upstream.clientSecret,
    }
    const aws = await startAwsJson('us-east-1', ({ target, body: { SecretId, Name } }) => {
      if (target.endsWith('GetSecretValue')) return { body: { SecretString: values[String(SecretId)] } }
      if (target.endsWith('GetParameter')) return { body: { Parameter: { Value: values[String(Name)] } } }
      const value = JSON.stringify({ resource, name: 'tools', scopes: { read: { description: 'See' } } })
      return { body: { Parameters: [{ Value: value }] } }
    })
    const { FAIRLEAD_TABLE, AWS_ENDPOINT_URL_DYNAMODB } = dynamo.env
    const child = spawn(process.execPath, [join(built.dir, 'index.js')], {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: {
        FAIRLEAD_TABLE,
        AWS_ENDPOINT_URL_DYNAMODB,
        AWS_REGION: 'us-east-1',
        ...inEnv,
        ...aws.env,
        HOST: '127.0.0.1',
        PORT: String(port),
        FAIRLEAD_SECRET_FROM: arn('secretsmanager', 'secret:service-AbCdEf'),
        FAIRLEAD_ORIGIN_SECRET_FROM: arn('secretsmanager', 'secret:origin-AbCdEf'),
        FAIRLEAD_AUTHORIZATION_SERVICE: JSON.stringify({ upstream: { issuer: upstream.issuer } }),
        FAIRLEAD_AUTHORIZATION_PLACE_FROM: arn('ssm', 'parameter/fairlead/a/prod/place'),
        FAIRLEAD_RESOURCES_FROM: arn('ssm', 'parameter/fairlead/a/prod/resources/'),
      },
    })
    await new Promise((resolve) => child.stdout.once('data', resolve))
    const metadata = `${issuer}/.well-known/oauth-authorization-server`
    expect((await fetch(metadata)).status).toBe(403)
    const through = await fetch(metadata, { headers: { 'x-origin-verify': 'the-origin-secret' } })
    expect(aws.calls.map(({ body }) => body.SecretId)).toContain(arn('secretsmanager', 'secret:upstream-AbCdEf'))
    expect(await through.json()).toMatchObject({ issuer, scopes_supported: ['openid', 'offline_access', 'tools/read'] })
    const ended = new Promise((resolve) => child.once('exit', resolve))
    child.kill('SIGTERM')
    expect(await ended).toBe(0)
    await aws.close()
  })

  it('names the variable that is missing', async () => {
    const child = spawn(process.execPath, [join(built.dir, 'index.js')], {
      env: {},
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    let text = ''
    child.stderr.on('data', (chunk: Buffer) => (text += chunk.toString()))
    await new Promise((resolve) => child.once('close', resolve))
    expect(text).toContain('The variable FAIRLEAD_AUTHORIZATION_SERVICE is not set')
  })
})
