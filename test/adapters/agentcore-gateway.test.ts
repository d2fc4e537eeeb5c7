import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openGatewayOnAws } from '../../src/adapters/agentcore-gateway.ts'
import { fetchLambdaHandler } from '../../src/adapters/fetch-lambda.ts'
import type { FunctionUrlEvent } from '../../src/aws/function-url.ts'
import { verify } from '../../src/auth/sigv4/verify.ts'
import { lambdaTarget, roleArn } from '../gateway/support.ts'

describe('a gateway behind a function URL', () => {
  const seen: string[] = []
  const lambda = createServer((req, res) => {
    const chunks: Buffer[] = []
    req.on('data', (chunk: Buffer) => chunks.push(chunk))
    req.on('end', () => {
      const signed = { method: req.method!, target: req.url!, rawHeaders: req.rawHeaders, body: Buffer.concat(chunks) }
      const verified = verify(signed, { service: 'lambda', region: 'us-east-1', lookup: () => credentials })
      seen.push(`${String(verified.ok)} ${req.url}`)
      res.writeHead(200, { 'content-type': 'application/json' }).end('{"done":true}')
    })
  })
  const credentials = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'wJalrXUtnFEMI' }
  let gateway: Awaited<ReturnType<typeof openGatewayOnAws>>
  beforeAll(async () => {
    await new Promise<void>((resolve) => lambda.listen(0, '127.0.0.1', resolve))
    gateway = await openGatewayOnAws({
      gateway: { name: 'test', roleArn, authorizerType: 'AWS_IAM' },
      targets: [lambdaTarget()],
      resource: 'https://x.lambda-url.us-east-1.on.aws/mcp',
      region: 'us-east-1',
      credentials: async () => credentials,
      lambdaEndpoint: `http://127.0.0.1:${(lambda.address() as AddressInfo).port}`,
    })
  })
  afterAll(async () => {
    await gateway.close()
    lambda.closeAllConnections()
    lambda.close()
  })

  const invoke = async (authorizer?: object) => {
    const event = {
      version: '2.0',
      rawPath: '/mcp',
      rawQueryString: '',
      headers: {
        host: 'x.lambda-url.us-east-1.on.aws',
        'content-type': 'application/json',
        'mcp-protocol-version': '2025-11-25',
      },
      requestContext: {
        domainName: 'x.lambda-url.us-east-1.on.aws',
        requestId: 'r',
        http: { method: 'POST', path: '/mcp', protocol: 'HTTP/1.1', sourceIp: '1.2.3.4' },
        ...(authorizer ? { authorizer } : {}),
      },
      body: JSON.stringify({
        jsonrpc: '2.0',
        id: 1,
        method: 'tools/call',
        params: { name: 'orders___echo', arguments: { text: 'hi' } },
      }),
      isBase64Encoded: false,
    }
    const answer = (await fetchLambdaHandler(gateway.fetch)(event as unknown as FunctionUrlEvent, {
      awsRequestId: 'r',
    })) as {
      statusCode: number
      body: string
    }
    return {
      status: answer.statusCode,
      body: JSON.parse(Buffer.from(answer.body, 'base64').toString()) as { result?: unknown },
    }
  }

  it('invokes the Lambda on AWS, signed as its role, for a caller that the platform verified', async () => {
    const { status, body } = await invoke({ iam: { userArn: 'arn:aws:iam::111122223333:role/agent' } })
    expect([status, body.result]).toEqual([200, { isError: false, content: [{ type: 'text', text: '{"done":true}' }] }])
    expect(seen).toEqual([
      'true /2015-03-31/functions/arn%3Aaws%3Alambda%3Aus-east-1%3A111122223333%3Afunction%3Aorders/invocations',
    ])
  })

  it('refuses who was verified by nobody', async () => {
    expect((await invoke()).status).toBe(403)
  })
})
