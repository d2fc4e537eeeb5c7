import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { InvokeCommand, InvokeWithResponseStreamCommand, LambdaClient } from '@aws-sdk/client-lambda'
import type { FunctionUrlEvent } from '../../../src/aws/function-url.ts'
import { sigv4Fetch } from '../../../src/auth/sigv4/fetch.ts'
import { listen, type Listening } from '../../../src/http/node-server.ts'
import { createIamGuard } from '../../../src/local/iam/guard.ts'
import { functionAccess } from '../../../src/local/lambda/access.ts'
import { loadIdentities } from '../../../src/local/iam/identities.ts'
import { startLocalFunction, type LocalFunction } from '../../../src/local/lambda/function.ts'
import { functionUrl } from '../../../src/local/lambda/function-url.ts'
import { invokeApi, isInvokePath } from '../../../src/local/lambda/invoke-api.ts'
import type { IamIdentity } from '../../../src/local/state.ts'
import { temporaryFolder } from '../../support/temporary.ts'

// One function that does what the request's path says.
const code = `
const prelude = (stream, statusCode, headers = {}) => awslambda.HttpResponseStream.from(stream, { statusCode, headers })
const routes = {
  '/event': (event, stream) => prelude(stream, 200, { 'content-type': 'application/json' }).end(JSON.stringify(event)),
  '/empty': (event, stream) => { const out = prelude(stream, 202); out.write(''); out.end() },
  '/challenge': (event, stream) => prelude(stream, 401, { 'WWW-Authenticate': 'Bearer', date: 'x', 'content-type': 'text/plain' }).end('no'),
  '/raw': (event, stream) => { stream.setContentType('text/plain'); stream.end('raw') },
  '/crash': (event, stream) => { const out = prelude(stream, 200, { 'content-type': 'text/event-stream' }); out.write('data: 1\\n\\n'); setTimeout(() => process.exit(1), 50); return new Promise(() => {}) },
  '/fails': () => { throw new Error('secret') },
  '/exit': () => process.exit(1),
}
export const handler = awslambda.streamifyResponse(async (event, stream, context) => {
  if (event.rawPath) return routes[event.rawPath.replace(/\\/a.*/, '/event')]?.(event, stream)
  stream.write('got ')
  stream.write(JSON.stringify({ event, custom: context.clientContext?.custom }))
  if (event.fail) throw new TypeError('half way')
  stream.end()
})
`
const facts = { region: 'us-east-1', accountId: '000000000000' }
let folder: Awaited<ReturnType<typeof temporaryFolder>>
let fn: LocalFunction
let server: Listening
let agent: IamIdentity
let signed: typeof fetch

beforeAll(async () => {
  folder = await temporaryFolder()
  const artifactDir = join(folder.path, 'artifact')
  await mkdir(artifactDir)
  await writeFile(join(artifactDir, 'index.js'), code)
  await writeFile(join(artifactDir, 'package.json'), '{"type":"module"}')
  fn = await startLocalFunction({ name: 'orders', artifactDir, ...facts })
  const identities = loadIdentities(folder.path, facts)
  agent = identities[0]!
  const guard = (entrance: 'function-url' | 'invoke') =>
    createIamGuard({
      service: 'lambda',
      ...facts,
      identities,
      ...functionAccess(fn.arn, [], { accountId: facts.accountId, entrance }),
    })
  const url = functionUrl({ fn, guard: guard('function-url'), mode: 'RESPONSE_STREAM', ...facts })
  const invoke = invokeApi({ fn, guard: guard('invoke') })
  server = await listen(
    (request, context) => (isInvokePath(new URL(request.url).pathname) ? invoke : url)(request, context),
    { maxBodyBytes: 8_000_000 },
  )
  signed = sigv4Fetch({ credentials: agent, service: 'lambda', region: 'us-east-1' })
})
afterAll(async () => {
  await server.close()
  await fn.close()
  await folder.remove()
})

describe('a function URL', () => {
  it('makes the event as AWS does', async () => {
    const response = await signed(`${server.url}/a%20b/%C3%BC?x=a%2Bb&y=1+2&x=2`, {
      method: 'POST',
      body: 'hello',
      headers: { 'X-Own': 'V', 'content-type': 'text/plain', cookie: 'a=1; b=2' },
    })
    const event = (await response.json()) as FunctionUrlEvent
    expect(event).toMatchObject({
      version: '2.0',
      rawPath: '/a%20b/%C3%BC',
      rawQueryString: 'x=a%2Bb&y=1+2&x=2',
      queryStringParameters: { x: 'a+b,2', y: '1 2' },
      cookies: ['a=1', 'b=2'],
      headers: { 'x-own': 'V' },
      body: 'hello',
      isBase64Encoded: false,
      requestContext: {
        http: { method: 'POST', path: '/a b/ü', protocol: 'HTTP/1.1' },
        authorizer: { iam: { userArn: agent.arn, accessKey: agent.accessKeyId } },
      },
    })
    expect(event.headers).not.toHaveProperty('cookie')
    expect(event.requestContext.time).toMatch(/^\d{2}\/[A-Z][a-z]{2}\/\d{4}:\d{2}:\d{2}:\d{2} \+0000$/)
  })

  it('gives bytes as base64', async () => {
    const event = (await (
      await signed(`${server.url}/a`, {
        method: 'POST',
        body: new Uint8Array([0, 255]),
        headers: { 'content-type': 'application/octet-stream' },
      })
    ).json()) as FunctionUrlEvent
    expect([event.body, event.isBase64Encoded]).toEqual([Buffer.from([0, 255]).toString('base64'), true])
  })

  it('ends an empty answer at once', async () => {
    const response = await signed(`${server.url}/empty`, { method: 'POST' })
    expect([response.status, await response.text()]).toEqual([202, ''])
  })

  it('renames the headers that it keeps for itself', async () => {
    const { status, headers } = await signed(`${server.url}/challenge`)
    expect(status).toBe(401)
    expect(headers.get('www-authenticate')).toBeNull()
    expect(headers.get('x-amzn-remapped-www-authenticate')).toBe('Bearer')
    expect(headers.get('x-amzn-requestid')).toMatch(/^[0-9a-f-]{36}$/)
  })

  it('delivers a stream without a prelude as it is', async () => {
    const response = await signed(`${server.url}/raw`)
    expect([response.status, response.headers.get('content-type'), await response.text()]).toEqual([
      200,
      'text/plain',
      'raw',
    ])
  })

  it('ends the body cleanly when the function dies in mid-stream, and serves the next call', async () => {
    expect(await (await signed(`${server.url}/crash`)).text()).toBe('data: 1\n\n')
    expect((await signed(`${server.url}/raw`)).status).toBe(200)
  })

  it.each(['/fails', '/exit'])('answers 502 without a word of the cause: %s', async (path) => {
    const response = await signed(server.url + path)
    expect(response.status).toBe(502)
    expect(await response.text()).toBe('Internal Server Error')
  })

  it('refuses a request of more than 6 MB', async () => {
    expect(
      (await signed(`${server.url}/event`, { method: 'POST', body: 'x'.repeat(6 * 1024 * 1024 + 1) })).status,
    ).toBe(413)
  })

  it.each([
    ['without a signature', () => fetch(`${server.url}/raw`), 'Forbidden', 'AccessDeniedException'],
    [
      'with another secret',
      () =>
        sigv4Fetch({ credentials: { ...agent, secretAccessKey: 'x' }, service: 'lambda', region: 'us-east-1' })(
          `${server.url}/raw`,
        ),
      'does not match',
      'InvalidSignatureException',
    ],
    [
      'for another service',
      () => sigv4Fetch({ credentials: agent, service: 'execute-api', region: 'us-east-1' })(`${server.url}/raw`),
      'scoped to a valid region',
      'InvalidSignatureException',
    ],
  ])('refuses a caller %s, in AWS’s own words', async (_name, call, message, type) => {
    const response = await call()
    expect(response.status).toBe(403)
    expect(response.headers.get('x-amzn-errortype')).toBe(type)
    expect(((await response.json()) as { Message: string }).Message).toContain(message)
  })
})

describe('AWS’s own LambdaClient, unchanged', () => {
  const client = () =>
    new LambdaClient({ region: 'us-east-1', endpoint: server.url, credentials: agent, maxAttempts: 1 })
  const Payload = Buffer.from('{"a":1}')

  it('invokes the function', async () => {
    const ClientContext = Buffer.from(JSON.stringify({ custom: { k: 'v' } })).toString('base64')
    const answer = await client().send(new InvokeCommand({ FunctionName: 'orders', Payload, ClientContext }))
    expect(Buffer.from(answer.Payload!).toString()).toBe('got {"event":{"a":1},"custom":{"k":"v"}}')
    expect(answer.StatusCode).toBe(200)
  })

  it('invokes it by its ARN with a streamed answer', async () => {
    const { EventStream } = await client().send(new InvokeWithResponseStreamCommand({ FunctionName: fn.arn, Payload }))
    let text = ''
    let complete: unknown
    for await (const event of EventStream!) {
      if (event.PayloadChunk) text += Buffer.from(event.PayloadChunk.Payload!).toString()
      if (event.InvokeComplete) complete = event.InvokeComplete
    }
    expect(text).toBe('got {"event":{"a":1}}')
    expect(complete).toBeDefined()
    expect((complete as { ErrorCode?: string }).ErrorCode).toBeUndefined()
  })

  it('sees an error in mid-stream, which a function URL’s client cannot', async () => {
    const { EventStream } = await client().send(
      new InvokeWithResponseStreamCommand({ FunctionName: 'orders', Payload: Buffer.from('{"fail":true}') }),
    )
    let code: string | undefined
    for await (const event of EventStream!) code = event.InvokeComplete?.ErrorCode ?? code
    expect(code).toBe('TypeError')
  })

  it('asks without running, and without waiting', async () => {
    expect(
      (await client().send(new InvokeCommand({ FunctionName: 'orders', InvocationType: 'DryRun' }))).StatusCode,
    ).toBe(204)
    expect(
      (await client().send(new InvokeCommand({ FunctionName: 'orders', InvocationType: 'Event', Payload }))).StatusCode,
    ).toBe(202)
  })

  it('gets the service’s own errors', async () => {
    await expect(client().send(new InvokeCommand({ FunctionName: 'nobody' }))).rejects.toMatchObject({
      name: 'ResourceNotFoundException',
    })
    await expect(
      client().send(new InvokeCommand({ FunctionName: 'orders', Payload: Buffer.from('{') })),
    ).rejects.toMatchObject({ name: 'InvalidRequestContentException' })
    const stranger = new LambdaClient({
      region: 'us-east-1',
      endpoint: server.url,
      credentials: { accessKeyId: 'AKIANOBODY', secretAccessKey: 'x' },
      maxAttempts: 1,
    })
    await expect(stranger.send(new InvokeCommand({ FunctionName: 'orders' }))).rejects.toMatchObject({
      name: 'UnrecognizedClientException',
      $metadata: { httpStatusCode: 403 },
    })
  })
})
