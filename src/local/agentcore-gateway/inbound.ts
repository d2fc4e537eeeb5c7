import { createCustomJwtAuthorizer } from '../../auth/bearer/custom-jwt.ts'
import { verify } from '../../auth/sigv4/verify.ts'
import type { PolicyDocument } from '../../aws/permissions.ts'
import type { Bindings } from '../../gateway/bindings.ts'
import type { GatewayDefinition } from '../../gateway/definitions/types.ts'
import { jwtInbound, noInbound, refusal, withOwnAudience, type Inbound } from '../../gateway/inbound.ts'
import type { LightRequest } from '../../http/light-request.ts'
import { annotate } from '../../http/note.ts'
import { localAccount, platforms } from '../../platforms.ts'
import { createAuthorizer } from '../iam/authorize.ts'
import type { IamIdentity } from '../state.ts'
import { discoveryUrlOf } from '../../gateway/project.ts'

const { region, accountId } = localAccount
const action = 'bedrock-agentcore:InvokeGateway'

export interface InboundOptions {
  gateway: GatewayDefinition
  bindings: Bindings
  arn: string
  identities: readonly IamIdentity[]
  /** Who may invoke with IAM. */
  policy: PolicyDocument
  /** The issuer of the local authorization service, where it runs. */
  issuer?: string
  resource: () => string
}

/** Who may call, as the gateway's definition says it. */
export function inboundOf(options: InboundOptions): Inbound {
  const { authorizerType } = options.gateway
  if (authorizerType === 'AWS_IAM') return byIam(options)
  return authorizerType === 'CUSTOM_JWT' ? byJwt(options) : noInbound
}

/** The definition as it is, but that the audience which is this gateway has the address that this gateway has here. */
function byJwt({ gateway, bindings, issuer, resource }: InboundOptions): Inbound {
  const given = gateway.authorizerConfiguration!.customJWTAuthorizer
  const bound = bindings.discoveryUrls?.[discoveryUrlOf(gateway)!]
  const located = bound === 'authorization-service' ? `${issuer}/.well-known/openid-configuration` : bound
  const authorizer = createCustomJwtAuthorizer(withOwnAudience(given, bindings.audience, resource()), {
    locate: (url) => (url === given.discoveryUrl && located !== undefined ? located : url),
  })
  return jwtInbound({ authorizer, resource })
}

/** Signed for `bedrock-agentcore`, and allowed to invoke this gateway. */
function byIam({ identities, policy, arn }: InboundOptions): Inbound {
  const byKey = new Map(identities.map((each) => [each.accessKeyId, each]))
  const authorize = createAuthorizer(policy)
  return {
    admit: async (request) => {
      const { method, target, rawHeaders, bytes } = request as unknown as LightRequest
      const { service } = platforms['agentcore-gateway']
      const verified = verify(
        { method, target, rawHeaders, body: bytes },
        { service, region, lookup: (id) => byKey.get(id) },
      )
      if (!verified.ok)
        return annotate(refusal(403, 'AccessDeniedException', 'The request is not signed by anyone who is known'), {
          code: verified.reason,
          why: verified.why,
        })
      const caller = byKey.get(verified.accessKeyId)!
      const allowed = await authorize({ principal: caller.arn, action, resource: arn, accountId, context: {} })
      if (allowed) return { kind: 'iam', id: caller.arn }
      return annotate(refusal(403, 'AccessDeniedException', `The caller is not authorized to perform: ${action}`), {
        code: 'IAM_DENIED',
        why: `No statement allows ${caller.arn} to do ${action} on ${arn}.`,
        principal: caller.arn,
        decision: { principal: caller.arn, action, resource: arn, context: {}, policy },
      })
    },
  }
}
