import type { Decision, PolicyDocument } from '../../aws/permissions.ts'
import type { IamAuthorizer } from '../../aws/function-url.ts'
import type { Refused } from '../../auth/sigv4/verify.ts'
import { verify } from '../../auth/sigv4/verify.ts'
import type { ErrorCode } from '../../errors.ts'
import type { Principal } from '../../http/fetch-handler.ts'
import type { LightRequest } from '../../http/light-request.ts'
import type { IamIdentity } from '../state.ts'
import { createAuthorizer, type Question } from './authorize.ts'

export interface GuardOptions {
  service: string
  region: string
  accountId: string
  identities: readonly IamIdentity[]
  /** Who may do what: the policy that is deployed. */
  policy: PolicyDocument
  /** What a request does, and must be allowed to do. */
  asks: (request: LightRequest) => readonly Asked[]
  now?: () => number
}

/** One thing that a request does. */
export type Asked = Pick<Question, 'action' | 'resource'> & Partial<Pick<Question, 'context'>>

export type GuardResult = { ok: true; principal: Principal; iam: IamAuthorizer } | Refusal

export interface Refusal {
  ok: false
  status: number
  errorType: string
  message: string
  code: ErrorCode
  why: string
  principal?: string
  decision?: Decision
}

export type Guard = (request: LightRequest) => Promise<GuardResult>

/** Lets in who has a good signature and whom the policy allows, the same policy that is deployed. */
export function createIamGuard(options: GuardOptions): Guard {
  const authorize = createAuthorizer(options.policy)
  const byKey = new Map(options.identities.map((each) => [each.accessKeyId, each]))
  const clock = options.now ? { now: options.now } : {}
  return async (request) => {
    const signed = {
      method: request.method,
      target: request.target,
      rawHeaders: request.rawHeaders,
      body: request.bytes,
    }
    const verified = verify(signed, {
      service: options.service,
      region: options.region,
      lookup: (id) => byKey.get(id),
      ...clock,
    })
    if (!verified.ok) return unauthenticated(verified)
    const caller = byKey.get(verified.accessKeyId)!
    for (const asked of options.asks(request)) {
      const question = { principal: caller.arn, accountId: options.accountId, context: {}, ...asked }
      if (!(await authorize(question))) return denied(caller, question, options.policy)
    }
    return { ok: true, principal: { kind: 'iam', id: caller.arn }, iam: iamOf(caller, options.accountId) }
  }
}

/**
 * AWS's own words for a refused signature. That a function URL answers 403 with them is documented; the split between
 * the texts is inferred from the services that publish theirs.
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-troubleshooting.html
 */
function unauthenticated({ reason, why }: Refused): GuardResult {
  const [errorType, message] = awsWords(reason)
  return { ok: false, status: 403, errorType, message, code: reason, why }
}

function awsWords(reason: Refused['reason']): [errorType: string, message: string] {
  switch (reason) {
    case 'SIGV4_MISSING':
      return ['AccessDeniedException', 'Forbidden']
    case 'SIGV4_MALFORMED':
    case 'SIGV4_HEADER_UNSIGNED':
      return ['IncompleteSignatureException', 'The request signature does not conform to AWS standards.']
    case 'SIGV4_KEY_UNKNOWN':
    case 'SIGV4_SESSION_TOKEN':
      return ['UnrecognizedClientException', 'The security token included in the request is invalid.']
    case 'SIGV4_WRONG_SERVICE':
    case 'SIGV4_WRONG_REGION':
      return ['InvalidSignatureException', 'Credential should be scoped to a valid region and the correct service.']
    case 'SIGV4_CLOCK_SKEW':
    case 'SIGV4_EXPIRED':
      return ['InvalidSignatureException', 'Signature expired or not yet current.']
    case 'SIGV4_UNSIGNED_PAYLOAD':
    case 'SIGV4_BODY_CHANGED':
    case 'SIGV4_MISMATCH':
      return [
        'InvalidSignatureException',
        'The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details.',
      ]
  }
}

function denied(caller: IamIdentity, { action, resource, context }: Question, policy: PolicyDocument): GuardResult {
  return {
    ...forbidden(`No statement allows ${caller.arn} to do ${action} on ${resource}.`),
    principal: caller.arn,
    decision: { principal: caller.arn, action, resource, context, policy },
  }
}

/** How a policy refuses, to anyone. */
export function forbidden(why: string): Refusal {
  return {
    ok: false,
    status: 403,
    errorType: 'AccessDeniedException',
    message: 'Forbidden',
    code: 'IAM_DENIED',
    why,
  }
}

function iamOf(caller: IamIdentity, accountId: string): IamAuthorizer {
  const id = `AROA${caller.accessKeyId.slice(4)}`
  return {
    accessKey: caller.accessKeyId,
    accountId,
    callerId: `${id}:${caller.name}`,
    cognitoIdentity: null,
    principalOrgId: null,
    userArn: caller.arn,
    userId: `${id}:${caller.name}`,
  }
}
