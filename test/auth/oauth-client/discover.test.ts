import { afterEach, describe, expect, it } from 'vitest'
import { discover } from '../../../src/auth/oauth-client/discover.ts'
import { listen, type Listening } from '../../../src/http/node-server.ts'

let server: Listening
afterEach(() => server.close())

/** An endpoint that is its own authorization server, bent by what a test says of a path. */
async function start(bent: Record<string, () => Response> = {}): Promise<string> {
  server = await listen(async (request) => {
    const { pathname } = new URL(request.url)
    if (bent[pathname]) return bent[pathname]()
    const { url } = server
    if (pathname === '/.well-known/oauth-protected-resource/mcp')
      return Response.json({ resource: `${url}/mcp`, authorization_servers: [url] })
    if (pathname === '/.well-known/oauth-authorization-server')
      return Response.json({ issuer: url, authorization_endpoint: `${url}/a`, token_endpoint: `${url}/t`, response_types_supported: ['code'], code_challenge_methods_supported: ['S256'] }) // prettier-ignore
    return new Response('sign in', { status: 401, headers: { 'www-authenticate': 'Bearer scope="one two"' } })
  })
  return `${server.url}/mcp`
}

describe('discover', () => {
  it('goes from a 401 to the resource and on to its authorization server', async () => {
    const url = await start()
    expect(await discover(url)).toMatchObject({ resource: url, issuer: server.url, scope: 'one two' })
  })

  it('follows a redirect within an origin', async () => {
    const url = await start({
      '/.well-known/oauth-protected-resource/mcp': () => new Response(null, { status: 302, headers: { location: '/moved' } }), // prettier-ignore
      '/moved': () => Response.json({ resource: `${server.url}/mcp`, authorization_servers: [server.url] }),
    })
    expect(await discover(url)).toMatchObject({ issuer: server.url })
  })

  it.each<[string, string, () => Response]>([
    ['a web page', '/.well-known/oauth-authorization-server', () => new Response('<html>', { headers: { 'content-type': 'text/html' } })], // prettier-ignore
    ['an error', '/.well-known/oauth-protected-resource/mcp', () => new Response('', { status: 500 })],
    ['a redirect to another origin', '/.well-known/oauth-authorization-server', () => new Response(null, { status: 302, headers: { location: 'https://evil.example/x' } })], // prettier-ignore
    ['more than a megabyte', '/.well-known/oauth-protected-resource/mcp', () => new Response('x'.repeat(2 * 1024 * 1024))], // prettier-ignore
    ['another issuer', '/.well-known/oauth-authorization-server', () => Response.json({ issuer: 'https://evil.example', authorization_endpoint: 'https://evil.example/a', token_endpoint: 'https://evil.example/t', response_types_supported: ['code'] })], // prettier-ignore
    ['another resource', '/.well-known/oauth-protected-resource/mcp', () => Response.json({ resource: 'https://evil.example/mcp', authorization_servers: ['https://evil.example'] })], // prettier-ignore
    ['no authorization server', '/.well-known/oauth-protected-resource/mcp', () => Response.json({ resource: `${server.url}/mcp` })], // prettier-ignore
    ['no need of a token', '/mcp', () => new Response('in')],
  ])('refuses %s', async (_, path, answer) => {
    const url = await start({ [path]: answer })
    await expect(discover(url)).rejects.toMatchObject({ code: 'SIGN_IN_FAILED' })
  })
})
