import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { accept, post, rpc, signedBy, startRuntime, type Answer, type TestRuntime } from './support.ts'

let test: TestRuntime
let base: string
let arn: string
const session = 's'.repeat(40)
const withSession = { 'mcp-session-id': session }

beforeAll(async () => {
  test = await startRuntime({ headers: ['X-Amzn-Bedrock-AgentCore-Runtime-Custom-Tenant', 'X-Team'] })
  base = test.runtime.endpoint.sdkEndpoint!
  arn = test.runtime.endpoint.arn!
})
afterAll(async () => test?.close())

const invocations = (runtime: string, query = '') =>
  `${base}/runtimes/${encodeURIComponent(runtime)}/invocations${query}`
const call = (name: string, args: Record<string, unknown> = {}) => rpc('tools/call', { name, arguments: args })
const textOf = (answer: Answer) => JSON.parse(answer.body.result!.content![0]!.text) as Record<string, string>

describe('the address of a runtime', () => {
  it.each([
    ['its ARN, percent-encoded', () => invocations(arn)],
    ['its ARN and a qualifier', () => invocations(arn, '?qualifier=DEFAULT')],
    ['its id and the account', () => invocations(arn.split('/')[1]!, '?accountId=000000000000')],
  ])('is %s', async (_name, url) => {
    const answer = await post(test.signed, url(), rpc('ping'), withSession)
    expect(answer).toMatchObject({ status: 200, body: { id: 7, result: {} } })
  })

  it.each([
    ['a malformed ARN', () => invocations('arn:aws:nothing'), -32006, 'RUNTIME_REQUEST_INVALID'],
    ['an id without an account', () => invocations(arn.split('/')[1]!), -32006, 'RUNTIME_REQUEST_INVALID'],
    ['a bad escape', () => `${base}/runtimes/%zz/invocations`, -32006, 'RUNTIME_REQUEST_INVALID'],
    ['an unknown runtime', () => invocations(arn.replace('test_runtime', 'other')), -32004, 'RUNTIME_NOT_FOUND'],
    ['another region', () => invocations(arn.replace('us-east-1', 'eu-west-1')), -32004, 'RUNTIME_NOT_FOUND'],
    ['another account', () => invocations(arn.split('/')[1]!, '?accountId=111122223333'), -32004, 'RUNTIME_NOT_FOUND'],
    ['an unknown qualifier', () => invocations(arn, '?qualifier=prod'), -32004, 'RUNTIME_NOT_FOUND'],
  ])('refuses %s inside HTTP 200, with the id of the call and the cause in the log', async (_name, url, code, ours) => {
    const record = test.nextRecord()
    const answer = await post(test.signed, url(), rpc('ping', {}, 'req-001'))
    expect(answer).toMatchObject({ status: 200, body: { id: 'req-001', error: { code } } })
    expect(answer.headers.get('x-amzn-requestid')).toMatch(/^[0-9a-f-]{36}$/)
    expect(await record).toMatchObject({
      code: ours,
      why: expect.stringMatching(/\w/) as string,
      principal: test.agent.arn,
    })
  })

  it('has no other operations, and no other verbs', async () => {
    expect((await fetch(`${base}/runtimes`)).status).toBe(404)
    expect((await fetch(`${base}/runtimes/${encodeURIComponent(arn)}/commands`, { method: 'POST' })).status).toBe(404)
    const wrongVerb = await fetch(invocations(arn), { method: 'DELETE' })
    expect([wrongVerb.status, wrongVerb.headers.get('allow')]).toEqual([405, 'POST'])
  })

  it('refuses a name that was rebound to loopback, and a web page from elsewhere', async () => {
    const record = test.nextRecord()
    expect(
      (await fetch(invocations(arn), { method: 'POST', headers: { origin: 'https://evil.example' } })).status,
    ).toBe(403)
    expect(await record).toMatchObject({ code: 'HOST_FOREIGN' })
  })

  it('has endpoints that stay at a version, beside DEFAULT', async () => {
    test.runtime.sessions.versions.pin('stable', 1)
    expect((await post(test.signed, invocations(arn, '?qualifier=stable'), rpc('ping'))).status).toBe(200)
    expect(test.runtime.sessions.versions.artifactOf('next')).toBeUndefined()
  })
})

describe('an invocation', () => {
  it.each(['application/json', 'text/event-stream', '*/*'])(
    'needs both types in Accept: %s is not enough',
    async (type) => {
      const answer = await post(test.signed, test.url, rpc('ping'), { ...withSession, accept: type })
      expect(answer).toMatchObject({ status: 406, body: { id: 7, error: { code: -32011 } } })
      expect(answer.headers.get('x-amzn-errortype')).toBe('McpRequestUnacceptableException')
    },
  )

  it.each([
    ['a short runtime session id', { 'x-amzn-bedrock-agentcore-runtime-session-id': 'short' }],
    ['a long runtime session id', { 'x-amzn-bedrock-agentcore-runtime-session-id': 'l'.repeat(257) }],
    ['a long MCP session id', { 'mcp-session-id': 'l'.repeat(1025) }],
    ['an allowed header with more than 4 KB', { ...withSession, 'x-team': 'x'.repeat(4097) }],
  ])('is refused with -32006: %s', async (_name, headers) => {
    const answer = await post(test.signed, test.url, rpc('ping'), headers)
    expect(answer).toMatchObject({ status: 200, body: { error: { code: -32006 } } })
  })

  it('may have 100,000,000 bytes and no more', async () => {
    const record = test.nextRecord()
    const answer = await post(test.signed, test.url, new Uint8Array(100_000_001), withSession)
    expect(answer).toMatchObject({ status: 200, body: { error: { code: -32006 } } })
    expect(await record).toMatchObject({ code: 'RUNTIME_REQUEST_INVALID' })
  })

  it('is answered with the session id in both headers, its own or a new one', async () => {
    const named = await post(test.signed, test.url, rpc('ping'), withSession)
    for (const name of ['mcp-session-id', 'x-amzn-bedrock-agentcore-runtime-session-id'])
      expect(named.headers.get(name)).toBe(session)
    const fresh = await post(test.signed, test.url, rpc('ping'))
    expect(fresh.headers.get('mcp-session-id')).toMatch(/^[0-9a-f-]{36}$/)
    const byRuntimeHeader = await post(test.signed, test.url, call('where'), {
      'x-amzn-bedrock-agentcore-runtime-session-id': session,
    })
    const byMcpHeader = await post(test.signed, test.url, call('where'), withSession)
    expect(textOf(byRuntimeHeader).pid).toBe(textOf(byMcpHeader).pid)
  })

  it('shows the server the headers of the API, those of the allowlist and what the platform adds, and no others', async () => {
    const answer = await post(test.signed, test.url, call('headers'), {
      ...withSession,
      'mcp-protocol-version': '2025-11-25',
      traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
      'x-amzn-bedrock-agentcore-runtime-custom-tenant': 'acme',
      'x-team': 'blue',
      'x-secret': 'hidden',
      cookie: 'a=b',
    })
    const seen = textOf(answer)
    expect(seen).toMatchObject({
      'mcp-protocol-version': '2025-11-25',
      'mcp-session-id': session,
      'x-amzn-bedrock-agentcore-runtime-session-id': session,
      'x-amzn-bedrock-agentcore-runtime-custom-tenant': 'acme',
      'x-team': 'blue',
      traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
    })
    expect(seen['x-amz-bedrock-agentcore-identity-wat']).toBe(seen.workloadaccesstoken)
    expect(Object.keys(seen).filter((name) => /secret|cookie|authorization|x-amz-date/.test(name))).toEqual([])
  })

  it('gives a tool the workload access token, and no caller: behind IAM the Runtime does not tell', async () => {
    const seen = textOf(await post(test.signed, test.url, call('who'), withSession))
    expect(seen.token).toMatch(/^local-/)
    expect(seen.principal).toBeUndefined()
  })

  it('keeps what the server refuses to itself, and says its status', async () => {
    const record = test.nextRecord()
    const answer = await post(test.signed, test.url, 'not json', withSession)
    expect(answer).toMatchObject({
      status: 200,
      body: {
        id: null,
        error: {
          code: -32010,
          message: 'Received error (400) from runtime. Please check your CloudWatch logs for more information.',
        },
      },
    })
    expect(await record).toMatchObject({
      code: 'RUNTIME_SERVER_REFUSED',
      why: expect.stringContaining('-32700') as string,
    })
  })

  it('streams as it happens, and no faster than it is read', async () => {
    const params = { name: 'count', arguments: { to: 20_000, crash: false }, _meta: { progressToken: 1 } }
    const response = await test.signed(test.url, {
      method: 'POST',
      body: rpc('tools/call', params),
      headers: { ...accept, ...withSession },
    })
    expect(response.headers.get('content-type')).toContain('text/event-stream')
    const text = await response.text()
    expect(text.match(/notifications\/progress/g)).toHaveLength(20_000)
    expect(text).toContain('counted')
  })

  it('ends in the session when the client goes away', async () => {
    const gone = new AbortController()
    const record = test.nextRecord()
    const params = { name: 'sleep', arguments: { ms: 60_000 }, _meta: { progressToken: 1 } }
    const response = await test.signed(test.url, {
      method: 'POST',
      body: rpc('tools/call', params),
      headers: { ...accept, ...withSession },
      signal: gone.signal,
    })
    expect(response.status).toBe(200)
    gone.abort()
    await record
    expect(await post(test.signed, test.url, rpc('ping'), withSession)).toMatchObject({ body: { result: {} } })
  })
})

describe('SigV4 in front of a runtime', () => {
  it.each([
    ['nobody', () => fetch, 'SIGV4_MISSING'],
    ['a bearer token', () => withHeader('Bearer a.b.c'), 'SIGV4_MISSING'],
    ['a signature for another service', () => signedBy(test.agent, 'lambda'), 'SIGV4_WRONG_SERVICE'],
    [
      'a signature for another region',
      () => signedBy(test.agent, 'bedrock-agentcore', 'eu-west-1'),
      'SIGV4_WRONG_REGION',
    ],
    ['a wrong secret', () => signedBy({ ...test.agent, secretAccessKey: 'x' }), 'SIGV4_MISMATCH'],
    ['a stranger', () => signedBy(test.stranger), 'IAM_DENIED'],
  ])('refuses %s with 403 and -32002, without a challenge', async (_name, fetchOf, code) => {
    const record = test.nextRecord()
    const answer = await post(fetchOf(), test.url, rpc('ping'))
    expect(answer).toMatchObject({
      status: 403,
      body: { id: 7, error: { code: -32002, message: 'Authorization error - Insufficient permissions' } },
    })
    expect(answer.headers.get('www-authenticate')).toBeNull()
    expect(answer.headers.get('x-amzn-errortype')).toMatch(/Exception$/)
    expect(await record).toMatchObject({ code })
  })

  it('asks for one permission more of who names a user', async () => {
    const record = test.nextRecord()
    const headers = { 'x-amzn-bedrock-agentcore-runtime-user-id': 'ada' }
    expect((await post(test.signed, test.url, rpc('ping'), headers)).status).toBe(403)
    expect(await record).toMatchObject({ why: expect.stringContaining('InvokeAgentRuntimeForUser') as string })
  })

  it('has no protected resource metadata', async () => {
    const url = `${base}/runtimes/${encodeURIComponent(arn)}/invocations/.well-known/oauth-protected-resource`
    expect((await fetch(url)).status).toBe(404)
  })
})

function withHeader(authorization: string): typeof fetch {
  return (input, init) =>
    fetch(input, { ...init, headers: { ...(init?.headers as Record<string, string>), authorization } })
}
