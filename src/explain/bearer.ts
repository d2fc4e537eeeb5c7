import { headerOf, type KeptRequest } from './kept.ts'

/** One check of a bearer token, in the order in which the server makes them. */
export interface Check {
  name: string
  /** Undefined: not reached, because one before it failed. */
  ok: boolean | undefined
  expected: string
  came: string
}

export interface BearerFacts {
  /** The canonical URL of the endpoint. */
  resource: string
  issuer?: string
}

type Claims = Record<string, unknown>

/** Which codes say that a check failed, and what it looks at. In the server's order. */
const checks = [
  {
    name: 'one bearer token is sent',
    codes: ['TOKEN_MISSING'],
    expected: () => 'Authorization: Bearer TOKEN',
    came: ({ scheme }: Seen) => (scheme === undefined ? 'no Authorization header' : `the scheme ${scheme}`),
  },
  {
    name: 'it is a JWT',
    codes: ['TOKEN_MALFORMED'],
    expected: () => 'three parts of base64url, the first two JSON objects',
    came: ({ header, claims }: Seen) => (header && claims ? 'a JWT' : 'something else'),
  },
  {
    name: 'algorithm and key id',
    codes: ['TOKEN_ALGORITHM', 'TOKEN_HEADER'],
    expected: () => 'the algorithm of the issuer, a kid, and no key of its own',
    came: ({ header }: Seen) => `alg ${text(header?.alg)}, kid ${text(header?.kid)}`,
  },
  {
    name: 'issuer',
    codes: ['TOKEN_ISSUER'],
    expected: ({ issuer }: BearerFacts) => issuer ?? 'the issuer that the metadata names',
    came: ({ claims }: Seen) => text(claims?.iss),
  },
  {
    name: 'times',
    codes: ['TOKEN_EXPIRED', 'TOKEN_NOT_YET'],
    expected: () => 'iat and nbf in the past, exp in the future, 5 s apart at most',
    came: ({ claims, at }: Seen) => `iat ${age(claims?.iat, at)}, exp ${age(claims?.exp, at)}`,
  },
  {
    name: 'it is an access token',
    codes: ['TOKEN_TYPE'],
    expected: () => 'typ at+jwt, or token_use access',
    came: ({ header, claims }: Seen) =>
      isIdToken(claims)
        ? 'an ID token'
        : `typ ${text(header?.typ)}${claims?.token_use === undefined ? '' : `, token_use ${text(claims.token_use)}`}`,
  },
  {
    name: 'client',
    codes: ['TOKEN_CLIENT'],
    expected: () => 'a client that this server takes tokens of',
    came: ({ claims }: Seen) => text(claims?.client_id),
  },
  {
    name: 'audience',
    codes: ['TOKEN_AUDIENCE'],
    expected: ({ resource }: BearerFacts) => resource,
    came: ({ claims }: Seen) => text(claims?.aud),
  },
  {
    name: 'claims',
    codes: ['TOKEN_CLAIM'],
    expected: () => 'sub, client_id and jti as texts; exp and iat as numbers',
    came: ({ claims }: Seen) => Object.keys(claims ?? {}).join(', ') || 'none',
  },
  {
    name: 'signature',
    codes: ['TOKEN_SIGNATURE', 'TOKEN_KEY_UNKNOWN', 'TOKEN_KEYS_UNREACHABLE'],
    expected: () => 'that of a key which the issuer publishes',
    came: ({ header }: Seen) => `kid ${text(header?.kid)}`,
  },
  {
    name: 'key that the token is bound to',
    codes: ['DPOP_MISSING', 'DPOP_PROOF'],
    expected: () => 'a fresh DPoP proof where the token has cnf.jkt',
    came: ({ claims, proof }: Seen) =>
      claims?.cnf === undefined ? 'not bound' : proof ? 'bound, with a proof' : 'bound, without a proof',
  },
  {
    name: 'scopes',
    codes: ['SCOPE_MISSING'],
    expected: () => 'the base scopes and those of the tool',
    came: ({ claims }: Seen) => text(claims?.scope),
  },
] as const

interface Seen {
  scheme: string | undefined
  header: Claims | undefined
  claims: Claims | undefined
  proof: boolean
  at: number
}

/** Lists every check of a bearer token with what was expected and what came. The token itself is in none of them. */
export function explainBearer(request: KeptRequest, facts: BearerFacts): Check[] {
  const seen = seenIn(request)
  const failed = checks.findIndex(({ codes }) => (codes as readonly string[]).includes(request.code ?? ''))
  return checks.map(({ name, expected, came }, at) => ({
    name,
    ok: failed < 0 || at < failed ? true : at === failed ? false : undefined,
    expected: expected(facts),
    came: came(seen),
  }))
}

/** Says what a code alone does not: what kind of token it was, or whose. */
export function bearerHint(request: KeptRequest, { resource }: BearerFacts): string | undefined {
  const { claims, header, at } = seenIn(request)
  switch (request.code ?? '') {
    case 'TOKEN_TYPE':
      return isIdToken(claims)
        ? 'This is an ID token: it tells a client who signed in, and opens no server. The token response has an access_token beside it.'
        : undefined
    case 'TOKEN_AUDIENCE':
      return sameButForm(claims?.aud, resource)
    case 'TOKEN_KEY_UNKNOWN':
      return typeof claims?.iat === 'number' && at / 1000 - claims.iat < 60
        ? `The token is ${Math.round(at / 1000 - claims.iat)} s old: the key set here is perhaps older than the key ${text(header?.kid)}. It is read again 30 s after the last time.`
        : `The issuer has replaced the key ${text(header?.kid)}, or another issuer made the token.`
    case 'TOKEN_MISSING':
      return request.headers.some((each, place) => place % 2 === 0 && each.toLowerCase() === 'authorization')
        ? 'An Authorization header came, with another scheme than Bearer. SigV4 opens an endpoint that IAM guards, not one that OAuth guards.'
        : undefined
    default:
      return undefined
  }
}

/** A slash, a port or https that differs is hard to see. */
function sameButForm(aud: unknown, resource: string): string | undefined {
  if (typeof aud !== 'string') return undefined
  const plain = (url: string) =>
    url
      .toLowerCase()
      .replace(/^https?:\/\//, '')
      .replace('localhost', '127.0.0.1')
      .replace(/\/$/, '')
  if (plain(aud) === plain(resource))
    return 'It is the same server, spelled in another way: scheme, case, name and last slash must be exactly those of the metadata.'
  const origin = (url: string) => (URL.canParse(url) ? new URL(url).origin : url)
  return origin(aud) === origin(resource)
    ? 'It is the same host, another path: the audience is the whole URL of the endpoint.'
    : undefined
}

function seenIn(request: KeptRequest): Seen {
  const value = headerOf(request, 'authorization')
  const [scheme, token = ''] = value?.split(' ') ?? []
  const [header, claims] = token.split('.').map(json)
  return { scheme, header, claims, proof: headerOf(request, 'dpop') !== undefined, at: request.at }
}

function json(part: string): Claims | undefined {
  try {
    const value = JSON.parse(Buffer.from(part, 'base64url').toString()) as unknown
    return typeof value === 'object' && value !== null ? (value as Claims) : undefined
  } catch {
    return undefined
  }
}

function isIdToken(claims: Claims | undefined): boolean {
  return claims?.nonce !== undefined || claims?.at_hash !== undefined || claims?.token_use === 'id'
}

function age(value: unknown, at: number): string {
  if (typeof value !== 'number') return text(value)
  const seconds = Math.round(value - at / 1000)
  return seconds >= 0 ? `in ${seconds} s` : `${-seconds} s ago`
}

/** What a token says goes to a terminal. */
function text(value: unknown): string {
  if (value === undefined) return 'nothing'
  return (typeof value === 'string' ? value : JSON.stringify(value)).replaceAll(/[^\x20-\x7e]/g, '?').slice(0, 200)
}
