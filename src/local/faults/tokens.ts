import type { LightRequest } from '../../http/light-request.ts'

type Claims = Record<string, unknown>
interface Jwt {
  header: Claims
  claims: Claims
  signature: string
}

/** What goes wrong with bearer tokens. Each changes every JWT that arrives; the server sees it as it would see the real thing. */
export const tokenFaults = {
  'token-missing': { does: 'The client sends no token.', breaks: () => undefined },
  'token-malformed': { does: 'The client sends something that is no JWT.', breaks: () => 'Bearer not-a-token' },
  'signed-for-oauth': {
    does: 'The client signs with SigV4 where OAuth guards.',
    breaks: () =>
      'AWS4-HMAC-SHA256 Credential=AKIAX/20261124/us-east-1/lambda/aws4_request, SignedHeaders=host, Signature=00',
  },
  'token-algorithm': {
    does: 'The token is signed with HS256.',
    breaks: (jwt: Jwt) => written({ ...jwt, header: { ...jwt.header, alg: 'HS256' } }),
  },
  'token-wrong-issuer': {
    does: 'The token comes from another authorization server.',
    breaks: (jwt: Jwt) => written({ ...jwt, claims: { ...jwt.claims, iss: 'https://login.example.com' } }),
  },
  'token-expired': {
    does: 'The token expired an hour ago.',
    breaks: (jwt: Jwt) => written({ ...jwt, claims: { ...jwt.claims, iat: seconds(-7200), exp: seconds(-3600) } }),
  },
  'token-not-yet': {
    does: 'The clock of the issuer is ten minutes ahead.',
    breaks: (jwt: Jwt) => written({ ...jwt, claims: { ...jwt.claims, iat: seconds(600), exp: seconds(900) } }),
  },
  'token-is-id-token': {
    does: 'The client sends the ID token in place of the access token.',
    breaks: (jwt: Jwt) =>
      written({ ...jwt, header: { ...jwt.header, typ: 'JWT' }, claims: { ...jwt.claims, nonce: 'n-0S6' } }),
  },
  'token-wrong-audience': {
    does: 'The token is for another server.',
    breaks: (jwt: Jwt) => written({ ...jwt, claims: { ...jwt.claims, aud: 'https://other.example.com/mcp' } }),
  },
  'token-audience-slash': {
    does: 'The token is for the URL of the endpoint with a slash at its end.',
    breaks: (jwt: Jwt) => written({ ...jwt, claims: { ...jwt.claims, aud: `${String(jwt.claims.aud)}/` } }),
  },
  'token-claim-missing': {
    does: 'The token has no `sub`.',
    breaks: (jwt: Jwt) => written({ ...jwt, claims: { ...jwt.claims, sub: undefined } }),
  },
  'token-key-unknown': {
    does: 'The token names a key that the issuer does not publish.',
    breaks: (jwt: Jwt) => written({ ...jwt, header: { ...jwt.header, kid: 'rotated-away' } }),
  },
  'token-tampered': {
    does: 'The token was changed after it was signed.',
    breaks: (jwt: Jwt) => written({ ...jwt, claims: { ...jwt.claims, jti: 'changed' } }),
  },
} as const satisfies Record<string, { does: string; breaks: (jwt: Jwt) => string | undefined }>

export type TokenFaultName = keyof typeof tokenFaults

/** Changes the Authorization headers of a request, name and value in turn. What carries no JWT is left as it is. */
export function breakToken(rawHeaders: readonly string[], names: readonly TokenFaultName[]): string[] {
  const out: string[] = []
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
    const [name, value] = [rawHeaders[at]!, rawHeaders[at + 1]!]
    const jwt = name.toLowerCase() === 'authorization' ? read(value) : undefined
    const broken = jwt ? brokenBy(jwt, names) : value
    if (broken !== undefined) out.push(name, broken)
  }
  return out
}

export function withBrokenToken(request: LightRequest, names: readonly TokenFaultName[]): LightRequest {
  return request.withHeaders(breakToken(request.rawHeaders, names))
}

/** The header as the faults leave it, one after the other; undefined: none. */
function brokenBy(jwt: Jwt, names: readonly TokenFaultName[]): string | undefined {
  let header: string | undefined = written(jwt)
  for (const name of names) {
    const now: Jwt | undefined = header === undefined ? undefined : read(header)
    if (now) header = tokenFaults[name].breaks(now)
  }
  return header
}

function read(header: string): Jwt | undefined {
  const [, first, second, signature] = /^Bearer +([\w-]+)\.([\w-]+)\.([\w-]*)$/i.exec(header) ?? []
  try {
    return {
      header: JSON.parse(Buffer.from(first!, 'base64url').toString()) as Claims,
      claims: JSON.parse(Buffer.from(second!, 'base64url').toString()) as Claims,
      signature: signature!,
    }
  } catch {
    return undefined
  }
}

function written({ header, claims, signature }: Jwt): string {
  const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
  return `Bearer ${part(header)}.${part(claims)}.${signature}`
}

function seconds(from: number): number {
  return Math.floor(Date.now() / 1000) + from
}
