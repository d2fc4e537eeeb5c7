import { createHash, createHmac } from 'node:crypto'
import { SignatureV4 } from '@smithy/signature-v4'
import { describe, expect, it } from 'vitest'
import { sigv4Fetch } from '../../src/auth/sigv4/fetch.ts'
import { verify } from '../../src/auth/sigv4/verify.ts'
import { awsEndpoint } from '../../src/aws/endpoint.ts'

/** Hashes for the AWS SDK's signer. */
class Sha256 {
  readonly #hash
  constructor(secret?: string | ArrayBuffer | ArrayBufferView) {
    this.#hash = secret === undefined ? createHash('sha256') : createHmac('sha256', secret as Uint8Array)
  }
  update(data: string | Uint8Array): void {
    this.#hash.update(data)
  }
  async digest(): Promise<Uint8Array> {
    return this.#hash.digest()
  }
  reset(): void {}
}

const arn = encodeURIComponent('arn:aws:bedrock-agentcore:us-west-2:123456789012:runtime/tools-AbCdEf1234')
const shapes: [name: string, url: string, service: string, region: string, known: boolean][] = [
  ['a function URL', 'https://abc123def456.lambda-url.us-east-1.on.aws/mcp', 'lambda', 'us-east-1', true],
  ['a function URL with a query', 'https://abc123.lambda-url.eu-west-1.on.aws/mcp?b=2&a=1%202&a=1', 'lambda', 'eu-west-1', true], // prettier-ignore
  ['a function URL in GovCloud', 'https://abc123.lambda-url.us-gov-west-1.on.aws/mcp', 'lambda', 'us-gov-west-1', true],
  ['execute-api with a stage', 'https://a1b2c3.execute-api.eu-central-1.amazonaws.com/prod/mcp', 'execute-api', 'eu-central-1', true], // prettier-ignore
  ['execute-api in China', 'https://a1b2c3.execute-api.cn-north-1.amazonaws.com.cn/prod/mcp', 'execute-api', 'cn-north-1', true], // prettier-ignore
  ['execute-api through a VPC endpoint', 'https://vpce-01-ab.execute-api.us-east-1.vpce.amazonaws.com/prod/mcp', 'execute-api', 'us-east-1', true], // prettier-ignore
  ['AgentCore Runtime with an encoded ARN and a query', `https://bedrock-agentcore.us-west-2.amazonaws.com/runtimes/${arn}/invocations?qualifier=DEFAULT`, 'bedrock-agentcore', 'us-west-2', true], // prettier-ignore
  ['AgentCore Runtime in GovCloud', `https://bedrock-agentcore.us-gov-west-1.amazonaws.com/runtimes/${arn}/invocations?qualifier=prod&accountId=123456789012`, 'bedrock-agentcore', 'us-gov-west-1', true], // prettier-ignore
  ['an AgentCore gateway', 'https://tools-x1y2z3.gateway.bedrock-agentcore.ap-southeast-2.amazonaws.com/mcp', 'bedrock-agentcore', 'ap-southeast-2', true], // prettier-ignore
  ['a host of api.aws', 'https://aws-mcp.us-east-1.api.aws/mcp', 'aws-mcp', 'us-east-1', true],
  ['a host of api.aws in China', 'https://aws-mcp.cn-northwest-1.api.amazonwebservices.com.cn/mcp', 'aws-mcp', 'cn-northwest-1', true], // prettier-ignore
  ['AgentCore in the European sovereign cloud', 'https://bedrock-agentcore.eusc-de-east-1.amazonaws.eu/mcp', 'bedrock-agentcore', 'eusc-de-east-1', true], // prettier-ignore
  ['a domain of one’s own', 'https://mcp.example.com/mcp', 'execute-api', 'us-east-1', false],
  ['a host with a port', 'http://127.0.0.1:4101/mcp?x=%2Fy', 'lambda', 'us-east-1', false],
  ['a path with spaces, plus and a trailing slash', 'https://mcp.example.com:8443/a%20b/c+d/', 'lambda', 'us-east-1', false], // prettier-ignore
]

describe('awsEndpoint', () => {
  it.each(shapes)('%s: its service and region are read or asked for', (_, url, service, region, known) => {
    expect(awsEndpoint(url)).toEqual(known ? expect.objectContaining({ service, region }) : undefined)
  })

  it('names the platform where the host says it', () => {
    expect(shapes.map(([, url]) => awsEndpoint(url)?.platform).filter((each) => each)).toEqual([
      'lambda',
      'lambda',
      'lambda',
      'agentcore-runtime',
      'agentcore-runtime',
      'agentcore-gateway',
      'agentcore-runtime',
    ])
  })

  it.each([
    'https://abc.lambda-url.us-east-1.on.aws.evil.example/mcp',
    'https://abc.lambda-url.on.aws/mcp',
    'https://us-east-1.api.aws/mcp',
    'https://evil-bedrock-agentcore.us-east-1.amazonaws.com/mcp',
    'https://s3.amazonaws.com/mcp',
    // The signing name of its data plane is not confirmed, and its global form needs SigV4a.
    'https://abc.g1.lambda-web.us-east-1.on.aws/mcp',
  ])('does not guess for %s', (url) => {
    expect(awsEndpoint(url)).toBeUndefined()
  })
})

describe('sigv4Fetch', () => {
  const credentials = { accessKeyId: 'ASIAEXAMPLE', secretAccessKey: 'a+secret/', sessionToken: 'a/token==' }
  const signingDate = new Date('2026-11-22T10:00:00Z')
  const body = '{"jsonrpc":"2.0","id":1,"method":"tools/list"}'

  it.each(shapes)('signs %s as the AWS SDK does, and it verifies', async (_, url, service, region) => {
    let sent: { target: string; headers: [string, string][] } | undefined
    const signing = sigv4Fetch({
      credentials,
      service,
      region,
      now: () => signingDate,
      fetch: async (input, init) => {
        const { pathname, search } = new URL(input)
        sent = { target: pathname + search, headers: [...new Headers(init?.headers)] }
        return new Response()
      },
    })
    await signing(url, { method: 'POST', body, headers: { 'content-type': 'application/json' } })

    const { host, hostname, port, protocol, pathname, searchParams } = new URL(url)
    const query: Record<string, string[]> = {}
    for (const [key, value] of searchParams) (query[key] ??= []).push(value)
    const signer = new SignatureV4({ credentials, service, region, sha256: Sha256, applyChecksum: true })
    const official = await signer.sign(
      {
        method: 'POST',
        protocol,
        hostname,
        ...(port ? { port: Number(port) } : {}),
        path: pathname,
        query,
        headers: { host, 'content-type': 'application/json' },
        body,
      },
      { signingDate },
    )
    const headers = new Map(sent!.headers)
    expect(headers.get('authorization')).toBe(official.headers.authorization)

    const rawHeaders = ['host', host, ...sent!.headers.flat()]
    const request = { method: 'POST', target: sent!.target, rawHeaders, body: Buffer.from(body) }
    const options = { service, region, lookup: () => credentials, now: () => signingDate.getTime() }
    expect(verify(request, options)).toMatchObject({ ok: true })
    expect(verify({ ...request, target: `${sent!.target}x` }, options)).toMatchObject({ ok: false })
  })
})
