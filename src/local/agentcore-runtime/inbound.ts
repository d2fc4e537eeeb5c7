import type { CustomJwtAuthorizer } from '../../auth/bearer/custom-jwt.ts'
import type { Decision } from '../../aws/permissions.ts'
import type { RuntimeError } from '../../aws/agentcore-runtime.ts'
import type { ErrorCode } from '../../errors.ts'
import type { LightRequest } from '../../http/light-request.ts'
import type { Guard } from '../iam/guard.ts'

/** Who calls a runtime, or how it is refused. */
export type Admission =
  | { ok: true; principal: string }
  | {
      ok: false
      error: RuntimeError
      /** AWS's own word for it, where it is not that of the table. */
      errorType?: string
      challenge?: boolean
      code: ErrorCode
      why: string
      principal?: string
      decision?: Decision
    }

export type Inbound = (request: LightRequest) => Promise<Admission>

/** Lets in who signs, and whom the policy allows. A runtime with IAM gives no challenge. */
export function byIam(guard: Guard): Inbound {
  return async (request) => {
    const found = await guard(request)
    if (found.ok) return { ok: true, principal: found.principal.id }
    const { errorType, code, why, principal, decision } = found
    return {
      ok: false,
      error: 'AccessDeniedException',
      errorType,
      code,
      why,
      ...(principal ? { principal } : {}),
      ...(decision ? { decision } : {}),
    }
  }
}

/** Lets in who has a token that the authorizer takes. A signature is no token, whoever made it. */
export function byJwt(authorizer: CustomJwtAuthorizer): Inbound {
  return async (request) => {
    const header = request.headers.get('authorization') ?? ''
    const [, token] = /^Bearer +(\S+)$/i.exec(header) ?? []
    if (token === undefined)
      return unauthorized(
        'TOKEN_MISSING',
        header.startsWith('AWS4-HMAC-SHA256')
          ? 'The request is signed; this runtime takes a bearer token, and never both.'
          : 'There is no bearer token in the Authorization header.',
      )
    const found = await authorizer.authorize(token)
    if (found.ok) return { ok: true, principal: found.subject ?? found.clientId ?? found.issuer }
    if (found.status === 401) return unauthorized(found.code, found.why)
    const error = found.status === 403 ? 'AccessDeniedException' : 'InternalServerException'
    return { ok: false, error, code: found.code, why: found.why }
  }
}

function unauthorized(code: ErrorCode, why: string): Admission {
  return { ok: false, error: 'UnauthorizedException', challenge: true, code, why }
}
