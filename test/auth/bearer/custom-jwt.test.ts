import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createCustomJwtAuthorizer } from '../../../src/auth/bearer/custom-jwt.ts'
import { FairleadError } from '../../../src/errors.ts'
import { makeKey, signWith, startIssuer, type SigningKey, type TestIssuer } from './issuer.ts'

let key: SigningKey
let issuer: TestIssuer
beforeAll(async () => {
  key = await makeKey('key-1')
  issuer = await startIssuer([key], '/eu-west-1_Pool')
})
afterAll(() => issuer.close())

const nowS = () => Math.floor(Date.now() / 1000)
const claims = (changed: Record<string, unknown> = {}) => ({
  iss: issuer.url,
  sub: 'ada-sub',
  client_id: 'app-1',
  scope: 'openid fairlead/tools',
  'cognito:groups': ['readers', 'admins'],
  department: 'finance',
  exp: nowS() + 300,
  iat: nowS(),
  ...changed,
})
const config = (changed: Record<string, unknown> = {}) => ({
  discoveryUrl: issuer.discoveryUrl,
  allowedClients: ['app-1'],
  ...changed,
})
const custom = (name: string, type: string, operator: string, value: Record<string, unknown>) => ({
  inboundTokenClaimName: name,
  inboundTokenClaimValueType: type,
  authorizingClaimMatchValue: { claimMatchOperator: operator, claimMatchValue: value },
})
const decide = async (rules: unknown, token: string) => createCustomJwtAuthorizer(rules).authorize(token)

describe('a custom JWT authorizer', () => {
  it('gives the claims of a token that every rule lets in', async () => {
    const rules = config({
      allowedAudience: ['a', 'https://gateway'],
      allowedScopes: ['fairlead/tools'],
      customClaims: [
        custom('department', 'STRING', 'EQUALS', { matchValueString: 'finance' }),
        custom('cognito:groups', 'STRING_ARRAY', 'CONTAINS', { matchValueString: 'admins' }),
        custom('cognito:groups', 'STRING_ARRAY', 'CONTAINS_ANY', { matchValueStringList: ['nobody', 'readers'] }),
      ],
    })
    const decision = await decide(rules, await signWith(key, claims({ aud: ['https://gateway', 'other'] })))
    expect(decision).toMatchObject({
      ok: true,
      issuer: issuer.url,
      subject: 'ada-sub',
      clientId: 'app-1',
      scopes: ['openid', 'fairlead/tools'],
      claims: { department: 'finance' },
    })
  })

  const refusals: [
    name: string,
    rules: Record<string, unknown>,
    claims: Record<string, unknown>,
    code: string,
    status: number,
  ][] = [
    ['another client', {}, { client_id: 'app-2' }, 'TOKEN_CLIENT', 401],
    ['no client', {}, { client_id: undefined }, 'TOKEN_CLIENT', 401],
    ['another audience', { allowedAudience: ['a'] }, { aud: 'b' }, 'TOKEN_AUDIENCE', 401],
    ['no audience', { allowedAudience: ['a'] }, {}, 'TOKEN_AUDIENCE', 401],
    ['no scope that is allowed', { allowedScopes: ['fairlead/admin'] }, {}, 'SCOPE_MISSING', 403],
    ['a scope that only begins so', { allowedScopes: ['fairlead/tool'] }, {}, 'SCOPE_MISSING', 403],
    ['another issuer', {}, { iss: 'http://127.0.0.1:1/eu-west-1_Pool' }, 'TOKEN_ISSUER', 401],
    ['an end in the past', {}, { exp: nowS() - 60 }, 'TOKEN_EXPIRED', 401],
    ['no end', {}, { exp: undefined }, 'TOKEN_CLAIM', 401],
    [
      'a claim of another value',
      { customClaims: [custom('department', 'STRING', 'EQUALS', { matchValueString: 'legal' })] },
      {},
      'TOKEN_CLAIM',
      401,
    ],
    [
      'a string where an array is asked for',
      { customClaims: [custom('department', 'STRING_ARRAY', 'CONTAINS', { matchValueString: 'finance' })] },
      {},
      'TOKEN_CLAIM',
      401,
    ],
    [
      'a claim that only every object has',
      { customClaims: [custom('constructor', 'STRING', 'EQUALS', { matchValueString: 'Object' })] },
      {},
      'TOKEN_CLAIM',
      401,
    ],
  ]
  it.each(refusals)('refuses a token with %s', async (_, rules, changed, code, status) => {
    expect(await decide(config(rules), await signWith(key, claims(changed)))).toMatchObject({ ok: false, code, status })
  })

  it('refuses a token that another key of that name has signed', async () => {
    const token = await signWith(await makeKey('key-1'), claims())
    expect(await decide(config(), token)).toMatchObject({ code: 'TOKEN_SIGNATURE', status: 401 })
  })

  it('says with 503 that the issuer cannot be reached', async () => {
    const rules = config({ discoveryUrl: 'http://127.0.0.1:1/.well-known/openid-configuration' })
    expect(await decide(rules, await signWith(key, claims()))).toMatchObject({
      code: 'TOKEN_KEYS_UNREACHABLE',
      status: 503,
    })
  })

  it('reads the discovery document where it really is', async () => {
    const discoveryUrl = 'https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Pool/.well-known/openid-configuration'
    const authorizer = createCustomJwtAuthorizer(config({ discoveryUrl }), {
      locate: (url) => url.replace('https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Pool', issuer.url),
    })
    expect(await authorizer.issuer()).toBe(issuer.url)
    expect(await authorizer.authorize(await signWith(key, claims()))).toMatchObject({ ok: true })
  })

  it('advertises scopes under the names that they are mapped to', () => {
    const rules = config({ allowedScopes: ['a/b', 'c'], advertisedScopeMapping: { 'a/b': 'api://a/b' } })
    expect(createCustomJwtAuthorizer(rules).advertisedScopes).toEqual(['api://a/b', 'c'])
  })

  const wrong: [name: string, rules: Record<string, unknown>, names: string][] = [
    ['a member that AWS does not have', { allowedIssuers: ['x'] }, 'allowedIssuers'],
    ['a misspelled case', { allowedclients: ['x'] }, 'allowedclients'],
    ['what only AWS can enforce', { allowedWorkloadConfiguration: {} }, 'allowedWorkloadConfiguration'],
    [
      'a discovery URL of another shape',
      { discoveryUrl: 'https://a/.well-known/openid-configuration/' },
      'discoveryUrl',
    ],
    ['an empty list', { allowedAudience: [] }, 'allowedAudience'],
    ['a scope with a space', { allowedScopes: ['a b'] }, 'allowedScopes'],
    ['no rule at all', { allowedClients: undefined }, 'at least one'],
    [
      'an operator for another type',
      { customClaims: [custom('a', 'STRING', 'CONTAINS', { matchValueString: 'b' })] },
      'customClaims[0].authorizingClaimMatchValue.claimMatchOperator',
    ],
    [
      'a list where one value is compared',
      { customClaims: [custom('a', 'STRING', 'EQUALS', { matchValueStringList: ['b'] })] },
      'claimMatchValue.matchValueStringList',
    ],
    [
      'a stranger inside a claim',
      { customClaims: [{ ...custom('a', 'STRING', 'EQUALS', { matchValueString: 'b' }), optional: true }] },
      'customClaims[0].optional',
    ],
  ]
  it.each(wrong)('refuses a configuration with %s, by name', (_, rules, names) => {
    expect(() => createCustomJwtAuthorizer(config(rules))).toThrow(FairleadError)
    expect(() => createCustomJwtAuthorizer(config(rules))).toThrow(names)
  })
})
