import { FairleadError } from '../../errors.ts'
import type { Claims } from './verify.ts'

export interface CustomJwtRules {
  discoveryUrl: string
  allowedAudience?: string[]
  allowedClients?: string[]
  allowedScopes?: string[]
  advertisedScopeMapping?: Record<string, string>
  customClaims?: ClaimRule[]
}

export interface ClaimRule {
  name: string
  operator: 'EQUALS' | 'CONTAINS' | 'CONTAINS_ANY'
  values: string[]
}

const known = new Set([
  'discoveryUrl',
  'allowedAudience',
  'allowedClients',
  'allowedScopes',
  'advertisedScopeMapping',
  'customClaims',
])
const insideAws = new Set(['privateEndpoint', 'privateEndpointOverrides', 'allowedWorkloadConfiguration'])

/** Reads `customJWTAuthorizer` as AWS has it. Throws CONFIG_INVALID that names the member. */
export function readCustomJwtConfig(config: unknown): CustomJwtRules {
  const object = objectAt(config, '')
  for (const name of Object.keys(object)) {
    if (insideAws.has(name)) throw invalid(name, 'is enforced inside AWS only; fairlead does not run it')
    if (!known.has(name)) throw invalid(name, 'is not a member of customJWTAuthorizer')
  }
  const { discoveryUrl } = object
  if (typeof discoveryUrl !== 'string' || !/^.+\/\.well-known\/openid-configuration$/.test(discoveryUrl))
    throw invalid('discoveryUrl', 'must end in /.well-known/openid-configuration')
  if (!URL.canParse(discoveryUrl)) throw invalid('discoveryUrl', 'is not a URL')
  const rules: CustomJwtRules = {
    discoveryUrl,
    ...stringsOf(object, 'allowedAudience'),
    ...stringsOf(object, 'allowedClients'),
    ...stringsOf(object, 'allowedScopes', scopeToken),
    ...mappingOf(object),
    ...claimsOf(object),
  }
  if (!rules.allowedAudience && !rules.allowedClients && !rules.allowedScopes && !rules.customClaims)
    throw invalid('', 'needs at least one of allowedAudience, allowedClients, allowedScopes, customClaims')
  return rules
}

const scopeToken = /^[\x21\x23-\x5B\x5D-\x7E]{1,255}$/
const claimName = /^[A-Za-z0-9_.\-:]{1,255}$/
const claimValue = /^[A-Za-z0-9_.-]{1,255}$/

function stringsOf<N extends string>(object: Claims, name: N, pattern = /^[^]+$/): Partial<Record<N, string[]>> {
  const value = object[name]
  if (value === undefined) return {}
  if (!Array.isArray(value) || value.length === 0 || !value.every((each) => isText(each, pattern)))
    throw invalid(name, 'must be a list of strings, and not empty')
  return { [name]: value } as Partial<Record<N, string[]>>
}

function mappingOf({ advertisedScopeMapping: mapping }: Claims): Pick<CustomJwtRules, 'advertisedScopeMapping'> {
  if (mapping === undefined) return {}
  const pairs = Object.entries(objectAt(mapping, 'advertisedScopeMapping'))
  if (pairs.length === 0 || pairs.length > 50 || !pairs.flat().every((each) => isText(each, scopeToken)))
    throw invalid('advertisedScopeMapping', 'must map 1 to 50 scopes to scopes')
  return { advertisedScopeMapping: Object.fromEntries(pairs) as Record<string, string> }
}

function claimsOf({ customClaims }: Claims): Pick<CustomJwtRules, 'customClaims'> {
  if (customClaims === undefined) return {}
  if (!Array.isArray(customClaims) || customClaims.length === 0)
    throw invalid('customClaims', 'must be a list, not empty')
  return { customClaims: customClaims.map((claim, at) => claimRule(claim, `customClaims[${at}]`)) }
}

function claimRule(claim: unknown, path: string): ClaimRule {
  const object = membersOf(claim, path, [
    'inboundTokenClaimName',
    'inboundTokenClaimValueType',
    'authorizingClaimMatchValue',
  ])
  const { inboundTokenClaimName: name, inboundTokenClaimValueType: type } = object
  if (!isText(name, claimName)) throw invalid(`${path}.inboundTokenClaimName`, 'is not the name of a claim')
  const matchPath = `${path}.authorizingClaimMatchValue`
  const match = membersOf(object.authorizingClaimMatchValue, matchPath, ['claimMatchValue', 'claimMatchOperator'])
  const operator = match.claimMatchOperator
  const fits = type === 'STRING' ? operator === 'EQUALS' : operator === 'CONTAINS' || operator === 'CONTAINS_ANY'
  if (type !== 'STRING' && type !== 'STRING_ARRAY')
    throw invalid(`${path}.inboundTokenClaimValueType`, 'is STRING or STRING_ARRAY')
  if (!fits)
    throw invalid(`${matchPath}.claimMatchOperator`, 'is EQUALS for STRING, CONTAINS or CONTAINS_ANY for STRING_ARRAY')
  const member = operator === 'CONTAINS_ANY' ? 'matchValueStringList' : 'matchValueString'
  const value = membersOf(match.claimMatchValue, `${matchPath}.claimMatchValue`, [member])[member]
  const values: unknown[] = Array.isArray(value) === (member === 'matchValueStringList') ? [value].flat() : []
  if (values.length === 0 || !values.every((each) => isText(each, claimValue)))
    throw invalid(`${matchPath}.claimMatchValue.${member}`, `is what ${String(operator)} compares with`)
  return { name, operator: operator as ClaimRule['operator'], values }
}

function membersOf(value: unknown, path: string, names: string[]): Claims {
  const object = objectAt(value, path)
  const stranger = Object.keys(object).find((name) => !names.includes(name))
  if (stranger !== undefined) throw invalid(`${path}.${stranger}`, `is not known here: ${names.join(', ')}`)
  return object
}

function objectAt(value: unknown, path: string): Claims {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Claims
  throw invalid(path, 'must be an object')
}

function isText(value: unknown, pattern: RegExp): value is string {
  return typeof value === 'string' && pattern.test(value)
}

function invalid(path: string, problem: string): FairleadError {
  const name = path === '' ? 'customJWTAuthorizer' : `customJWTAuthorizer.${path}`
  return new FairleadError('CONFIG_INVALID', `${name} ${problem}`)
}
