import { createHash, randomUUID } from 'node:crypto'
import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import { listen } from '../../src/http/node-server.ts'

export interface TestUpstream {
  issuer: string
  clientId: string
  clientSecret: string
  people: Map<string, { sub: string; groups: string[] }>
  /** Every ID token that it gave, and every request to its token endpoint. */
  idTokens: string[]
  exchanges: URLSearchParams[]
  /** Changes the next ID tokens. */
  twist: (claims: Record<string, unknown>) => Record<string, unknown>
  close(): Promise<void>
}

/** A small OpenID provider with Cognito's claims, to sign in at: who types a name is that person. */
export async function startUpstream(): Promise<TestUpstream> {
  const { publicKey, privateKey } = await generateKeyPair('RS256')
  const jwk = { ...(await exportJWK(publicKey)), kid: 'id-1', alg: 'RS256', use: 'sig' }
  const codes = new Map<string, { query: URLSearchParams; username: string }>()
  const upstream: TestUpstream = {
    issuer: '',
    clientId: 'upstream-client',
    clientSecret: randomUUID(),
    people: new Map([
      ['ada', { sub: 'sub-ada', groups: ['readers'] }],
      ['grace', { sub: 'sub-grace', groups: ['readers', 'writers'] }],
      ['eve', { sub: 'sub-eve', groups: [] }],
    ]),
    idTokens: [],
    exchanges: [],
    twist: (claims) => claims,
    close: () => server.close(),
  }
  const server = await listen(async (request) => {
    const url = new URL(request.url)
    switch (`${request.method} ${url.pathname}`) {
      case 'GET /pool/.well-known/openid-configuration':
        return Response.json({
          issuer: upstream.issuer,
          authorization_endpoint: `${server.url}/oauth2/authorize`,
          token_endpoint: `${server.url}/oauth2/token`,
          jwks_uri: `${server.url}/jwks`,
        })
      case 'GET /jwks':
        return Response.json({ keys: [jwk] })
      case 'GET /oauth2/authorize':
        return page(
          `<form method="post" action="${url.search.replaceAll('&', '&amp;')}"><input name="username" value=""></form>`,
        )
      case 'POST /oauth2/authorize': {
        const username = new URLSearchParams(await request.text()).get('username') ?? ''
        const to = new URL(url.searchParams.get('redirect_uri')!)
        to.searchParams.set('state', url.searchParams.get('state')!)
        if (!upstream.people.has(username)) to.searchParams.set('error', 'access_denied')
        else {
          const code = randomUUID()
          codes.set(code, { query: url.searchParams, username })
          to.searchParams.set('code', code)
        }
        return new Response(null, { status: 302, headers: { location: to.href } })
      }
      case 'POST /oauth2/token':
        return token(new URLSearchParams(await request.text()), request.headers.get('authorization'))
      default:
        return new Response('not found', { status: 404 })
    }
  })
  upstream.issuer = `${server.url}/pool`

  async function token(form: URLSearchParams, authorization: string | null): Promise<Response> {
    upstream.exchanges.push(form)
    const basic = Buffer.from(`${upstream.clientId}:${upstream.clientSecret}`).toString('base64')
    const found = codes.get(form.get('code') ?? '')
    codes.delete(form.get('code') ?? '')
    const challenge = createHash('sha256')
      .update(form.get('code_verifier') ?? '')
      .digest('base64url')
    if (authorization !== `Basic ${basic}`) return Response.json({ error: 'invalid_client' }, { status: 400 })
    if (
      !found ||
      found.query.get('code_challenge') !== challenge ||
      found.query.get('redirect_uri') !== form.get('redirect_uri')
    )
      return Response.json({ error: 'invalid_grant' }, { status: 400 })
    const person = upstream.people.get(found.username)!
    const claims = upstream.twist({
      iss: upstream.issuer,
      aud: upstream.clientId,
      sub: person.sub,
      token_use: 'id',
      nonce: found.query.get('nonce'),
      'cognito:username': found.username,
      'cognito:groups': person.groups,
    })
    const id_token = await new SignJWT(claims)
      .setProtectedHeader({ alg: 'RS256', kid: 'id-1' })
      .setIssuedAt()
      .setExpirationTime('5m')
      .sign(privateKey)
    upstream.idTokens.push(id_token)
    return Response.json({ id_token, access_token: randomUUID(), token_type: 'Bearer' })
  }
  return upstream
}

function page(text: string): Response {
  return new Response(text, { headers: { 'content-type': 'text/html' } })
}
