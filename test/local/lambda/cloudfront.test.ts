import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { viewerRequestFunction } from '../../../src/aws/viewer-request.ts'
import { asRequest, type LightRequest } from '../../../src/http/light-request.ts'
import { listen, type Listening } from '../../../src/http/node-server.ts'
import { cloudfront } from '../../../src/local/lambda/cloudfront.ts'

let server: Listening
let seen: LightRequest | undefined
const secret = 'a-secret-of-the-origin'

beforeAll(async () => {
  let handler: ReturnType<typeof cloudfront> | undefined
  server = await listen((request, context) => handler!(request, context))
  handler = cloudfront({
    viewerRequest: viewerRequestFunction({ origin: server.url, path: '/mcp', scopes: ['demo/read'] }),
    origin: {
      host: 'abc.lambda-url.us-east-1.on.aws',
      secret,
      handler: async (request) => {
        seen = request as unknown as LightRequest
        return new Response(await asRequest(seen).text(), { status: 200, headers: { 'x-origin': 'yes' } })
      },
    },
  })
})
afterAll(() => server.close())

describe('CloudFront in front of a function URL', () => {
  it('answers a request without a token with the true 401, and the origin is not asked', async () => {
    seen = undefined
    const response = await fetch(`${server.url}/mcp`, {
      method: 'POST',
      body: '{}',
      headers: { origin: 'http://localhost:1' },
    })
    expect(response.status).toBe(401)
    expect(response.headers.get('www-authenticate')).toBe(
      `Bearer resource_metadata="${server.url}/.well-known/oauth-protected-resource/mcp", scope="demo/read"`,
    )
    expect(response.headers.get('access-control-expose-headers')).toBe('www-authenticate')
    expect(await response.json()).toMatchObject({ jsonrpc: '2.0', error: { code: -32000 } })
    expect(seen).toBeUndefined()
  })

  it('passes a request with a token on, under the origin’s own Host and with its secret, whatever the client sent by that name', async () => {
    const response = await fetch(`${server.url}/mcp?a=1`, {
      method: 'POST',
      body: 'hello',
      headers: {
        authorization: 'Bearer t',
        'x-origin-verify': 'forged',
        'x-viewer-address': '203.0.113.9',
        'x-forwarded-for': '203.0.113.9',
      },
    })
    expect(await response.text()).toBe('hello')
    expect(seen!.target).toBe('/mcp?a=1')
    expect(Object.fromEntries(seen!.headers)).toMatchObject({
      host: 'abc.lambda-url.us-east-1.on.aws',
      authorization: 'Bearer t',
      'x-origin-verify': secret,
      'x-viewer-address': '127.0.0.1',
      'x-forwarded-for': '203.0.113.9, 127.0.0.1',
    })
  })

  it.each([
    ['GET', '/.well-known/oauth-protected-resource/mcp'],
    ['OPTIONS', '/mcp'],
  ])('lets %s %s through without a token', async (method, path) => {
    seen = undefined
    await fetch(server.url + path, { method })
    expect(seen).toBeDefined()
  })

  it('fits what CloudFront takes: 10 kB, and the Host when no origin is pinned', () => {
    const source = viewerRequestFunction({
      path: '/mcp',
      scopes: Array.from({ length: 50 }, (_, n) => `demo/scope-${n}`),
    })
    expect(Buffer.byteLength(source)).toBeLessThan(10_240)
    expect(source).toContain('request.headers.host.value')
  })
})
