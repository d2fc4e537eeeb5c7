import { randomBytes } from 'node:crypto'
import type { Expiring } from './expiring.ts'
import type { PoolKeys } from './keys.ts'

/** A person of the pool. */
export interface PoolUser {
  username: string
  password: string
  /** A UUID, as Cognito gives it. */
  sub: string
  email: string
  groups: string[]
  /** A user who is switched off can neither sign in nor refresh. */
  enabled?: boolean
}

/** An app client of the pool, in the words of CreateUserPoolClient. */
export interface PoolClient {
  clientId: string
  /** Absent: a public client. */
  clientSecret?: string
  callbackUrls: string[]
  logoutUrls: string[]
  flows: ('code' | 'client_credentials')[]
  /** What it may ask for: openid, email, profile, and custom scopes as `resource server/scope`. */
  scopes: string[]
  /** Present: refresh tokens rotate, and the old one goes on for so many seconds (0 to 60). */
  rotationGraceS?: number
  accessTokenS: number
  refreshTokenS: number
}

/** What Cognito does not do, or does not do yet. All are off: then the stand-in is as Cognito was in autumn 2026. */
export interface CognitoSwitches {
  /** `code_challenge_methods_supported: ["S256"]` stands in the discovery document. */
  advertisePkce: boolean
  /** `none` stands in `token_endpoint_auth_methods_supported`. */
  advertiseNone: boolean
  /** `iss` is in authorization responses, and the discovery document says so (RFC 9207). */
  issParameter: boolean
  /** Access tokens say `typ: at+jwt` (RFC 9068). */
  accessTokenTyp: boolean
  /** `resource` binds tokens of client_credentials too. */
  bindClientCredentials: boolean
  /** `resource` must name a resource server of the pool, else the token endpoint says invalid_grant. */
  resourceMustExist: boolean
  /** `http://127.0.0.1` is refused where Cognito takes `http://localhost` alone. */
  localhostOnly: boolean
}

export const noSwitches: CognitoSwitches = {
  advertisePkce: false,
  advertiseNone: false,
  issParameter: false,
  accessTokenTyp: false,
  bindClientCredentials: false,
  resourceMustExist: false,
  localhostOnly: false,
}

/** What a sign-in gave: it is the same for all tokens that come of it. */
export interface Grant {
  clientId: string
  username: string
  scopes: string[]
  authTime: number
  originJti: string
  eventId: string
  resource?: string
  nonce?: string
}

export interface Code extends Grant {
  redirectUri: string
  codeChallenge?: string
}

export interface Refresh extends Grant {
  expiresAt: number
  /** Set when it was rotated: until then the old one goes on. */
  usableUntil?: number
}

/** Everything that a running user pool knows. */
export interface Pool {
  /** Of the endpoints, `http://127.0.0.1:4106`. */
  url: string
  /** What the tokens say. */
  issuer: string
  poolId: string
  keys: PoolKeys
  clients: Map<string, PoolClient>
  users: Map<string, PoolUser>
  /** Identifiers of resource servers. */
  resourceServers: Set<string>
  switches: CognitoSwitches
  codes: Expiring<Code>
  refreshTokens: Expiring<Refresh>
  sessions: Expiring<{ username: string; authTime: number }>
  /** Of revoked refresh tokens: their access tokens are dead for Cognito's own APIs. */
  revoked: Expiring<true>
  csrfKey: Buffer
  /** Milliseconds. */
  now: () => number
}

const idAlphabet = 'abcdefghijklmnopqrstuvwxyz0123456789'

/** 26 lower-case letters and digits, as Cognito's client ids are. */
export function newClientId(): string {
  return [...randomBytes(26)].map((byte) => idAlphabet[byte % idAlphabet.length]!).join('')
}
