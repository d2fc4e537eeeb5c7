import { cognitoMetadata } from '../auth/bearer/cognito-metadata.ts'
import { cognitoProfile, serviceProfile } from '../auth/bearer/profiles.ts'
import { createTokenVerifier } from '../auth/bearer/verify.ts'
import { withBearer } from '../auth/bearer/with-bearer.ts'
import type { OauthConfig, Scope, ToolConfig } from '../config.ts'
import type { FetchHandler } from '../http/fetch-handler.ts'
import type { Table } from '../state/table.ts'
import { onlyThroughOrigin } from './origin-secret.ts'

/** What the configuration says of OAuth: the same on every platform, so it is built into the artifact. */
export interface OauthFacts {
  name: string
  scopes: Record<string, Scope>
  /** Keys of `scopes`. */
  baseScopes: string[]
  tools: Record<string, Pick<ToolConfig, 'scopes'>>
  oauth: OauthConfig
}

/** What the platform says of it, in FAIRLEAD_OAUTH: where this server is, and whose tokens it takes. */
export interface OauthPlace {
  resource: string
  issuer: string
  jwksUri?: string
  /** The ids of the app clients, where the pool made them up: else those of the configuration. */
  clients?: string[]
}

/**
 * Puts the server behind OAuth where its platform asks for that. FAIRLEAD_OAUTH and FAIRLEAD_ORIGIN_SECRET come from the
 * platform, and a platform that always has OAuth is refused without them: a server is never open by accident.
 */
export function guardByOauth(facts: OauthFacts) {
  return (
    handler: FetchHandler,
    env: NodeJS.ProcessEnv,
    shared: { table: Table; openPaths: readonly string[] },
  ): FetchHandler => {
    if (env.FAIRLEAD_OAUTH === undefined) {
      if (env.FAIRLEAD_PLATFORM === 'fargate')
        throw new Error('FAIRLEAD_OAUTH is not set: on fargate a server is never without OAuth')
      if (env.FAIRLEAD_ORIGIN_SECRET !== undefined)
        throw new Error('FAIRLEAD_OAUTH is not set: behind CloudFront a server is never without OAuth')
      return handler
    }
    const place = JSON.parse(env.FAIRLEAD_OAUTH) as OauthPlace
    const { origin } = new URL(place.resource)
    const scopes = wireScopes(facts)
    const direct = facts.oauth.verifier === 'cognito'
    const guarded = withBearer(handler, {
      resource: place.resource,
      resourceName: facts.name,
      authorizationServers: [direct ? origin : place.issuer],
      ...(direct
        ? { metadataOf: cognitoMetadata({ issuer: place.issuer, origin, scopesSupported: scopes.supported }) }
        : {}),
      verifier: createTokenVerifier({
        profile: profileOf(facts, place),
        ...(place.jwksUri === undefined ? {} : { jwksUri: place.jwksUri }),
      }),
      scopes,
      proofs: shared.table,
      openPaths: shared.openPaths,
    })
    return env.FAIRLEAD_ORIGIN_SECRET === undefined ? guarded : onlyThroughOrigin(guarded, env.FAIRLEAD_ORIGIN_SECRET)
  }
}

/** Scopes as they travel: `name/key`. */
export function wireScopes({
  name,
  scopes,
  baseScopes,
  tools,
}: Pick<OauthFacts, 'name' | 'scopes' | 'baseScopes' | 'tools'>) {
  const wire = (key: string) => `${name}/${key}`
  const needing = Object.entries(tools).filter(([, tool]) => tool.scopes !== undefined && tool.scopes.length > 0)
  return {
    supported: Object.keys(scopes).map(wire),
    base: baseScopes.map(wire),
    tools: Object.fromEntries(needing.map(([tool, { scopes: keys = [] }]) => [tool, keys.map(wire)])),
  }
}

function profileOf(facts: OauthFacts, { issuer, resource, clients: made }: OauthPlace) {
  const { verifier, alg, clients = [] } = facts.oauth
  if (verifier !== 'cognito') return serviceProfile({ issuer, resource, ...(alg ? { algorithm: alg } : {}) })
  return cognitoProfile({
    issuer,
    resource,
    clients: made ?? clients.map(({ id }) => id),
    scopes: Object.fromEntries(
      Object.entries(facts.scopes).map(([key, { groups }]) => [`${facts.name}/${key}`, groups]),
    ),
  })
}
