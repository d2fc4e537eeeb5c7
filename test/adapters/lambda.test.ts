import { describe, expect, it } from 'vitest'
import { lambdaHandler } from '../../src/adapters/lambda.ts'
import { toFunctionUrlEvent } from '../../src/aws/function-url.ts'
import { LightRequest } from '../../src/http/light-request.ts'
import factory from '../fixtures/contract-server.ts'

const handler = lambdaHandler(factory)
const iam = {
  accessKey: 'AKIA',
  accountId: '111122223333',
  callerId: 'x',
  cognitoIdentity: null,
  principalOrgId: null,
  userArn: 'arn:aws:iam::111122223333:role/agent',
  userId: 'x',
}

async function post(
  message: unknown,
  signed = true,
): Promise<{ statusCode: number; headers: Record<string, string>; body: string }> {
  const request = new LightRequest({
    method: 'POST',
    origin: 'https://abc.lambda-url.us-east-1.on.aws',
    target: '/mcp',
    rawHeaders: [
      'host',
      'abc.lambda-url.us-east-1.on.aws',
      'content-type',
      'application/json',
      'accept',
      'application/json, text/event-stream',
    ],
    bytes: Buffer.from(JSON.stringify(message)),
    signal: new AbortController().signal,
  })
  const facts = {
    requestId: 'r',
    accountId: '111122223333',
    domainName: 'abc.lambda-url.us-east-1.on.aws',
    sourceIp: '127.0.0.1',
    now: Date.now(),
  }
  const answer = (await handler(toFunctionUrlEvent(request, { ...facts, ...(signed ? { iam } : {}) }), {
    awsRequestId: 'r',
  })) as { statusCode: number; headers: Record<string, string>; body: string }
  return { ...answer, body: Buffer.from(answer.body, 'base64').toString() }
}

describe('lambdaHandler, where the runtime cannot stream', () => {
  it('gives the whole answer, and tells the tool whose ARN the function URL proved', async () => {
    const answer = await post({
      jsonrpc: '2.0',
      id: 1,
      method: 'tools/call',
      params: { name: 'whoami', arguments: {} },
    })
    expect(answer.statusCode).toBe(200)
    expect(JSON.parse(answer.body)).toMatchObject({ id: 1, result: { content: [{ text: iam.userArn }] } })
  })

  it('tells a tool nothing of a caller whom nobody proved', async () => {
    const answer = await post(
      { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'whoami', arguments: {} } },
      false,
    )
    expect(answer.body).toContain('anonymous')
  })

  it('answers a notification with an empty 202', async () => {
    expect(await post({ jsonrpc: '2.0', method: 'notifications/initialized' })).toMatchObject({
      statusCode: 202,
      body: '',
    })
  })
})
