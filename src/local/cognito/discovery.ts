import type { Pool } from './pool.ts'

/**
 * Writes `/<pool>/.well-known/openid-configuration` with Cognito's keys in Cognito's order.
 * There is no code_challenge_methods_supported, no `none` and no `iss` parameter: MCP clients refuse such a server.
 * @see https://docs.aws.amazon.com/cognito/latest/developerguide/amazon-cognito-user-pools-using-tokens-verifying-a-jwt.html
 */
export function discoveryDocument({ issuer, url, poolId, switches }: Pool): Record<string, unknown> {
  return {
    authorization_endpoint: `${url}/oauth2/authorize`,
    end_session_endpoint: `${url}/logout`,
    id_token_signing_alg_values_supported: ['RS256'],
    issuer,
    jwks_uri: `${url}/${poolId}/.well-known/jwks.json`,
    response_types_supported: ['code', 'token'],
    revocation_endpoint: `${url}/oauth2/revoke`,
    scopes_supported: ['openid', 'email', 'phone', 'profile'],
    subject_types_supported: ['public'],
    token_endpoint: `${url}/oauth2/token`,
    token_endpoint_auth_methods_supported: [
      'client_secret_basic',
      'client_secret_post',
      ...(switches.advertiseNone ? ['none'] : []),
    ],
    userinfo_endpoint: `${url}/oauth2/userInfo`,
    ...(switches.advertisePkce ? { code_challenge_methods_supported: ['S256'] } : {}),
    ...(switches.issParameter ? { authorization_response_iss_parameter_supported: true } : {}),
  }
}

/** Writes the JWKS: the key of ID tokens, then the key of access tokens. */
export function jwks({ keys }: Pool): { keys: unknown[] } {
  return { keys: [keys.id.publicJwk, keys.access.publicJwk] }
}
