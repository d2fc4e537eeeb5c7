import { afterEach, describe, expect, it } from 'vitest'
import { cognitoPerson } from '../../src/adapters/cognito-person.ts'
import { fetchLambdaHandler } from '../../src/adapters/fetch-lambda.ts'
import { onlyThroughOrigin } from '../../src/adapters/origin-secret.ts'
import { protectedResources } from '../../src/adapters/resources.ts'
import { toFunctionUrlEvent } from '../../src/aws/function-url.ts'
import { anonymous, type RequestContext } from '../../src/http/fetch-handler.ts'
import { LightRequest } from '../../src/http/light-request.ts'
import { inEnv, startAwsJson, type AwsAnswer } from '../support/aws-json.ts'

const open: { close(): Promise<void> }[] = []
afterEach(async () => {
  await Promise.all(open.splice(0).map((server) => server.close()))
})

async function startAws(answer: AwsAnswer) {
  const aws = await startAwsJson('eu-west-1', answer)
  open.push(aws)
  return { ...aws, env: { ...aws.env, ...inEnv } }
}

const ada = { sub: 'sub-ada', username: 'ada', groups: ['readers'] }
const pool = 'eu-west-1_AbCdEfGhI'

describe('a person of a user pool', () => {
  const answers =
    (user: { status?: number; body: unknown }): AwsAnswer =>
    ({ target }) =>
      target.endsWith('AdminGetUser') ? user : { body: { Groups: [{ GroupName: 'writers' }] } }

  it('is in the groups that the pool says now', async () => {
    const { env, calls } = await startAws(answers({ body: { Enabled: true } }))
    expect(await cognitoPerson(pool, env)(ada)).toEqual({ groups: ['writers'] })
    for (const { body } of calls) expect(body).toMatchObject({ UserPoolId: pool, Username: 'ada' })
  })

  it.each([
    ['disabled', { body: { Enabled: false } }],
    ['deleted', { status: 400, body: { __type: 'UserNotFoundException' } }],
  ])('who was %s may not come in', async (_what, user) => {
    const { env } = await startAws(answers(user))
    expect(await cognitoPerson(pool, env)(ada)).toBeUndefined()
  })

  it('is not let in on a guess when the pool cannot be asked', async () => {
    const { env } = await startAws(answers({ status: 500, body: {} }))
    await expect(cognitoPerson(pool, env)(ada)).rejects.toThrow('AdminGetUser answered 500')
  })
})

describe('behind CloudFront', () => {
  const secret = 'the-secret-of-the-origin'
  const seen: { headers: Headers; context: RequestContext }[] = []
  const handler = fetchLambdaHandler(
    onlyThroughOrigin(async (request, context) => {
      seen.push({ headers: request.headers, context })
      return new Response('ok')
    }, secret),
  )
  const call = async (headers: Record<string, string>) => {
    seen.length = 0
    const request = new LightRequest({
      method: 'GET',
      origin: 'https://x',
      target: '/jwks',
      rawHeaders: Object.entries(headers).flat(),
      bytes: new Uint8Array(),
      signal: new AbortController().signal,
    })
    const facts = { requestId: 'r', accountId: '1', domainName: 'd', sourceIp: '130.176.1.1', now: 0 }
    return (await handler(toFunctionUrlEvent(request, facts), { awsRequestId: 'r' })) as { statusCode: number }
  }

  it('the viewer’s address is the one that CloudFront saw, whatever X-Forwarded-For says', async () => {
    const headers = {
      'x-origin-verify': secret,
      'x-viewer-address': '198.51.100.7',
      'x-forwarded-for': '1.2.3.4, 198.51.100.7',
    }
    expect((await call(headers)).statusCode).toBe(200)
    expect(seen[0]!.context).toEqual({ requestId: 'r', principal: anonymous, remoteAddress: '198.51.100.7' })
    expect(seen[0]!.headers.get('x-origin-verify')).toBeNull()
    expect(seen[0]!.headers.get('x-viewer-address')).toBeNull()
  })

  it('a function URL keeps of X-Forwarded-For what the client wrote, and writes the caller’s where there is none', async () => {
    await call({ 'x-origin-verify': secret, 'x-forwarded-for': '1.2.3.4, 198.51.100.7' })
    expect(seen[0]!.headers.get('x-forwarded-for')).toBe('1.2.3.4')
    await call({ 'x-origin-verify': secret })
    expect(seen[0]!.headers.get('x-forwarded-for')).toBe('130.176.1.1')
  })

  it.each([{}, { 'x-origin-verify': 'the-secret-of-the-origim' }, { 'x-origin-verify': '' }])(
    'who comes around it is refused: %o',
    async (headers) => {
      expect((await call({ ...headers, 'x-viewer-address': '198.51.100.7' })).statusCode).toBe(403)
      expect(seen).toEqual([])
    },
  )
})

describe('what servers left in SSM', () => {
  it('is read; what is none is passed over', async () => {
    const good = { resource: 'https://a.example.com/mcp', name: 'a', scopes: { read: { description: 'Read' } } }
    const { env } = await startAws(() => ({
      body: { Parameters: [good, { resource: 'no url', name: 'b', scopes: {} }, {}].map((value) => ({ Value: JSON.stringify(value) })) }, // prettier-ignore
    }))
    const arn = 'arn:aws:ssm:eu-west-1:111122223333:parameter/fairlead/a/prod/resources/'
    expect(await protectedResources({ ...env, FAIRLEAD_RESOURCES_FROM: arn })).toEqual([good])
  })
})
