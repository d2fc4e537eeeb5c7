import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { buildAuthorizationService } from '../../src/build/authorization-service.ts'
import type { FairleadConfig } from '../../src/config.ts'
import type { Template } from '../../src/deploy/app.ts'
import type { FetchHandler } from '../../src/http/fetch-handler.ts'
import { listen } from '../../src/http/node-server.ts'
import { startLocalDynamo } from '../../src/local/dynamodb/start.ts'
import { cloudfront } from '../../src/local/lambda/cloudfront.ts'
import { startLocalFunction } from '../../src/local/lambda/function.ts'
import { functionUrl } from '../../src/local/lambda/function-url.ts'
import { authorization, post, redeem, refresh, register, signIn } from '../oauth/support.ts'
import { inEnv, startAwsJson } from '../support/aws-json.ts'
import { Browser } from '../support/browser.ts'
import { temporaryFolder } from '../support/temporary.ts'
import { startUpstream } from '../support/upstream.ts'
import { resolved, resources, stacksOf } from './support/stacks-of.ts'

const config: FairleadConfig = {
  name: 'tools',
  server: { kind: 'module', entry: './server.ts' },
  scopes: { read: { description: 'Read', groups: ['readers'] } },
  platforms: { fargate: {} },
}
const region = 'us-east-1'
const pool = `${region}_Test`
const originSecret = 'the-secret-that-CloudFront-adds'

const open: { close(): Promise<void> }[] = []
const disabled = new Set<string>()
let issuer: string
let lines: string[]

/** The authorization service as its template has it, on the local Lambda behind the stand-in for CloudFront. */
beforeAll(async () => {
  const folder = await temporaryFolder()
  open.push({ close: () => folder.remove() })
  const [upstream, dynamo, artifact, { templates }] = await Promise.all([
    startUpstream(),
    startLocalDynamo(region),
    buildAuthorizationService(folder.path),
    stacksOf(config, { account: '000000000000' }),
  ])
  open.push(upstream, dynamo)
  const template = templates.authorization!
  let handler: FetchHandler = async () => new Response('not yet', { status: 503 })
  const front = await listen((request, context) => handler(request, context))
  open.push(front)
  issuer = front.url
  const of = (id: string, attribute?: string) => {
    const { Type, Properties = {} } = template.Resources[id]!
    if (Type === 'AWS::SecretsManager::Secret') return `arn:aws:secretsmanager:${region}:000000000000:secret:${id}`
    if (Type === 'AWS::DynamoDB::Table') return dynamo.env.FAIRLEAD_TABLE!
    if (Type === 'AWS::Cognito::UserPool') return pool
    if (Type === 'AWS::Cognito::UserPoolClient') return attribute ? upstream.clientSecret : upstream.clientId
    if (Type === 'AWS::CloudFront::Distribution') return 'HERE'
    throw new Error(`${id} ${Type} ${JSON.stringify(Properties)}`)
  }
  const here = (text: string) =>
    text
      .replaceAll('https://HERE', front.url)
      .replaceAll(`https://cognito-idp.${region}.amazonaws.com/${pool}`, upstream.issuer)
  const value = (of_: unknown) => here(resolved(of_, of))
  const secretOf = (arn: string) => {
    const id = arn.split(':').at(-1)!
    const { SecretString } = template.Resources[id]!.Properties as { SecretString?: unknown }
    if (SecretString) return value(SecretString)
    return id.includes('Origin') ? originSecret : 'made up by Secrets Manager, forty-eight letters'
  }
  const aws = await startAwsJson(region, ({ target, body }) => {
    switch (target.slice(target.indexOf('.') + 1)) {
      case 'GetSecretValue':
        return { body: { SecretString: secretOf(String(body.SecretId)) } }
      case 'GetParameter':
        return { body: { Parameter: { Value: parameterOf(template, String(body.Name), value) } } }
      case 'GetParametersByPath': {
        const [announced] = resources(templates.fargate, 'AWS::SSM::Parameter')
        const text = resolved(announced!.Value, () => 'mcp.example.com')
        return { body: { Parameters: [{ Value: text }] } }
      }
      case 'AdminGetUser':
        return { body: { Enabled: !disabled.has(String(body.Username)) } }
      default:
        return { body: { Groups: [{ GroupName: 'readers' }] } }
    }
  })
  open.push(aws)
  const [fn] = resources(template, 'AWS::Lambda::Function')
  const { Variables } = fn!.Environment as { Variables: Record<string, unknown> }
  lines = []
  const { FAIRLEAD_TABLE: _table, ...dynamoEnv } = dynamo.env
  const local = await startLocalFunction({
    name: 'authorization',
    artifactDir: artifact.dir,
    region,
    accountId: '000000000000',
    env: {
      ...dynamoEnv,
      ...inEnv,
      ...aws.env,
      ...Object.fromEntries(Object.entries(Variables).map(([name, each]) => [name, value(each)])),
    },
    log: (line) => lines.push(line),
  })
  open.push(local)
  await local.warm()
  const [edge] = resources(template, 'AWS::CloudFront::Function')
  const origin = functionUrl({ fn: local, mode: 'RESPONSE_STREAM', region, accountId: '000000000000' })
  const direct = await listen(origin)
  open.push(direct)
  around = direct.url
  handler = cloudfront({
    viewerRequest: String(edge!.FunctionCode),
    origin: { handler: origin, host: new URL(direct.url).host, secret: originSecret },
  })
}, 60_000)
afterAll(async () => {
  for (const each of open.toReversed()) await each.close()
})

let around: string

function parameterOf(template: Template, arn: string, value: (text: unknown) => string): string {
  const found = resources(template, 'AWS::SSM::Parameter').find(({ Name }) => arn.endsWith(`parameter${String(Name)}`))
  return value(found!.Value)
}

describe('the authorization service as its template has it, on the local Lambda', () => {
  it('describes itself under the name of the distribution, with the scopes of the server that announced itself', async () => {
    const document = await (await fetch(`${issuer}/.well-known/oauth-authorization-server`)).json()
    expect(document).toMatchObject({ issuer, scopes_supported: ['openid', 'offline_access', 'tools/read'] })
  })

  it('signs a person in, until the pool says that they may not', async () => {
    const clientId = await register(issuer)
    const flow = authorization(issuer, clientId, { resource: 'https://mcp.example.com/mcp', scope: 'tools/read' })
    const code = (await signIn(new Browser(), flow.url, 'ada')).get('code')!
    const { status, body } = await redeem(issuer, clientId, code, flow.verifier)
    expect([status, body.scope]).toEqual([200, 'tools/read'])
    const again = await refresh(issuer, clientId, String(body.refresh_token))
    expect(again.status).toBe(200)
    disabled.add('ada')
    const form = { grant_type: 'refresh_token', refresh_token: String(again.body.refresh_token), client_id: clientId }
    expect((await post(`${issuer}/token`, form)).body.error).toBe('invalid_grant')
  })

  it('answers nobody who comes around the distribution', async () => {
    expect((await fetch(`${around}/jwks`)).status).toBe(403)
  })

  it('counts registrations by where CloudFront saw the viewer, whatever the viewer says', async () => {
    const registered = await Promise.allSettled(Array.from({ length: 12 }, () => register(issuer)))
    const refused = registered.filter(({ status }) => status === 'rejected')
    // `register` says another X-Forwarded-For each time. One has registered before.
    expect(refused).toHaveLength(3)
    expect(lines.join('\n')).toContain('"event":"registration.limited","address":"127.0.0.1"')
  })
  it('says what happened in lines that are JSON alone, with a level, as the alarm reads them', () => {
    const said = lines.map((line) => line.trim()).filter((line) => line.includes('"event"'))
    const levels = said.map((line) => JSON.parse(line) as { event: string; level: string })
    expect(levels).toContainEqual(expect.objectContaining({ event: 'registration.limited', level: 'warn' }))
    expect(levels).toContainEqual(expect.objectContaining({ event: 'grant.success', level: 'info' }))
  })
})
