import type { EntityJson } from '@cedar-policy/cedar-wasm/nodejs'
import type { Principal } from '../../http/fetch-handler.ts'

/** The claims of a caller's token, beside the principal and never in it: nothing logs them. */
const claimsOf = new WeakMap<Principal, Readonly<Record<string, unknown>>>()

export function rememberClaims(principal: Principal, claims: Readonly<Record<string, unknown>>): void {
  claimsOf.set(principal, claims)
}

const entities = new WeakMap<Principal, EntityJson>()

/**
 * A caller as policies see it: a token's subject with its claims as tags, the ARN of an IAM identity, or nobody.
 * @see https://docs.aws.amazon.com/bedrock-agentcore/latest/devguide/policy-authorization-flow.html (read 2026-11-25)
 */
export function callerEntity(principal: Principal): EntityJson {
  let entity = entities.get(principal)
  if (!entity) entities.set(principal, (entity = entityOf(principal)))
  return entity
}

function entityOf(principal: Principal): EntityJson {
  const { kind, id } = principal
  if (kind === 'anonymous')
    return { uid: { type: 'AgentCore::UnauthenticatedUser', id: 'anonymous' }, attrs: {}, parents: [] }
  if (kind === 'iam') return { uid: { type: 'AgentCore::IamEntity', id }, attrs: { id }, parents: [] }
  const claims = Object.entries(claimsOf.get(principal) ?? {})
  const tags = Object.fromEntries(claims.flatMap(([name, value]) => (value == null ? [] : [[name, tagOf(value)]])))
  return { uid: { type: 'AgentCore::OAuthUser', id }, attrs: { id }, parents: [], tags }
}

/** The same with the tags that somebody looks at. */
export function withTags(entity: EntityJson, read: ReadonlySet<string> | undefined): EntityJson {
  const { tags } = entity
  if (!tags || !read) return entity
  const kept: NonNullable<EntityJson['tags']> = {}
  for (const name of read) if (Object.hasOwn(tags, name)) kept[name] = tags[name]!
  return { ...entity, tags: kept }
}

/** A tag is a text: of other claims it is their JSON, so that a group is found with `like "*\"staff\"*"`. */
function tagOf(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value)
}
