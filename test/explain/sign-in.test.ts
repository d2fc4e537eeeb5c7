import { describe, expect, it } from 'vitest'
import type { KeptRequest } from '../../src/explain/kept.ts'
import { followSignIn } from '../../src/explain/sign-in.ts'

const one = (target: string, status: number, more: Partial<KeptRequest> = {}): KeptRequest => ({
  id: target + status,
  at: 10,
  platform: 'fargate',
  method: target.startsWith('/.well-known') || target.startsWith('/authorize') ? 'GET' : 'POST',
  target,
  headers: ['user-agent', 'inspector'],
  bodyBytes: 0,
  status,
  ms: 1,
  ...more,
})
const refused = one('/mcp', 401, {
  at: 0,
  code: 'TOKEN_MISSING',
  answer: { headers: ['www-authenticate', 'Bearer resource_metadata="…"'] },
})
const metadata = one('/.well-known/oauth-protected-resource/mcp', 200)
const server = one('/.well-known/oauth-authorization-server', 200, { platform: 'authorization-service' })
const stopped = (...later: KeptRequest[]) => followSignIn(refused, [refused, ...later]).stopped

describe('a client that was asked for a token', () => {
  it('never fetched the metadata', () => expect(stopped()).toContain('never fetched the metadata'))

  it('stopped after the metadata', () => {
    expect(stopped(metadata)).toBe(
      'The client stopped after GET protected-resource metadata; GET authorization-server metadata would have been next.',
    )
  })

  it('stopped at its registration, and was told why', () => {
    const answer = {
      headers: [],
      body: '{"error":"invalid_redirect_uri","error_description":"redirect_uris must be loopback or https"}',
    }
    expect(stopped(metadata, server, one('/register', 400, { answer }))).toBe(
      'The client stopped at POST registration: 400 invalid_redirect_uri: redirect_uris must be loopback or https',
    )
  })

  it('got a token and did not use it', () => {
    expect(stopped(metadata, server, one('/authorize', 302), one('/token', 200))).toBe(
      'The client got a token and has not used it.',
    )
  })

  it('opened a browser, and nobody signed in there', () => {
    const browser = { ...one('/oauth2/authorize', 302), headers: ['user-agent', 'Firefox'], method: 'GET' }
    expect(stopped(metadata, server, one('/register', 201), browser)).toBe(
      'The client stopped after GET authorization; POST token would have been next.',
    )
    const login = { ...one('/login', 401, { platform: 'cognito' }), headers: ['user-agent', 'Firefox'] }
    expect(stopped(metadata, server, browser, login)).toBe('The client stopped at POST login: it was answered 401')
  })

  it('was sent back with an error', () => {
    const back = one('/oauth2/authorize', 302, { platform: 'cognito', method: 'GET', why: 'invalid_scope' })
    expect(stopped(metadata, server, back)).toBe('The client stopped at GET authorization: invalid_scope')
  })

  it('came through', () => {
    const again = one('/mcp', 200, { headers: ['user-agent', 'inspector', 'authorization', 'Bearer …'] })
    expect(stopped(metadata, server, one('/authorize', 302), one('/token', 200), again)).toBeUndefined()
  })

  it('is told apart from another client', () => {
    expect(stopped({ ...metadata, headers: ['user-agent', 'codex'] })).toContain('never fetched the metadata')
  })

  it('was told nothing where the challenge is missing', () => {
    const bare = { ...refused, answer: { headers: [] } }
    expect(followSignIn(bare, [bare]).stopped).toContain('no WWW-Authenticate')
  })
})
