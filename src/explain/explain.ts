import type { Credentials } from '../auth/sigv4/credentials.ts'
import { runtimeHeaders } from '../aws/agentcore-runtime.ts'
import { errors, type ErrorCode } from '../errors.ts'
import { bearerHint, explainBearer } from './bearer.ts'
import { headerOf, type KeptRequest } from './kept.ts'
import { masked } from './mask.ts'
import { explainPolicy } from './policy.ts'
import { retryOf, sessionEvents } from './session.ts'
import { followSignIn } from './sign-in.ts'
import { causeText, explainSigv4, type Sigv4Explanation } from './sigv4.ts'

/** What the endpoint knows that its clients do not. */
export interface Endpoint {
  url: string
  auth: 'iam' | 'oauth' | 'none'
  /** Nobody has said so: a capture is of a host that is not known here. */
  guessed?: true
  service?: string
  region?: string
  /** Who issues its tokens. */
  issuer?: string
}

export interface Known {
  endpoint: Endpoint
  keys: readonly Credentials[]
  /** Other names of the endpoint, with ports. */
  hosts?: readonly string[]
  /** The other requests that are kept: how a sign-in went on. */
  others?: readonly KeptRequest[]
}

export interface Explanation {
  id: string
  at: string
  platform: string
  request: string
  status: number
  accepted: boolean
  code?: string
  /** Ids of what is wrong, each of them the name of a fault of `fairlead dev --fault`. */
  causes: string[]
  certainty: 'proved' | 'seen' | 'rest'
  why: string[]
  fix: string[]
  difference?: NonNullable<Sigv4Explanation['difference']>
  /** The calculation, or the checks in their order; `ok` is undefined for what was not reached. */
  steps: { name: string; text: string; ok?: boolean | undefined }[]
  docs?: string
}

/** Names of faults by the code that they make: a bearer token's code is its cause. */
const tokenCauses: Partial<Record<ErrorCode, string>> = {
  TOKEN_MISSING: 'token-missing',
  TOKEN_MALFORMED: 'token-malformed',
  TOKEN_ALGORITHM: 'token-algorithm',
  TOKEN_HEADER: 'token-header',
  TOKEN_ISSUER: 'token-wrong-issuer',
  TOKEN_EXPIRED: 'token-expired',
  TOKEN_NOT_YET: 'token-not-yet',
  TOKEN_TYPE: 'token-is-id-token',
  TOKEN_AUDIENCE: 'token-wrong-audience',
  TOKEN_CLAIM: 'token-claim-missing',
  TOKEN_CLIENT: 'token-client',
  TOKEN_SIGNATURE: 'token-tampered',
  TOKEN_KEY_UNKNOWN: 'token-key-unknown',
  TOKEN_KEYS_UNREACHABLE: 'token-keys-unreachable',
  SCOPE_MISSING: 'scope-missing',
  DPOP_MISSING: 'dpop-missing',
  DPOP_PROOF: 'dpop-proof',
}

/** Explains one request: how it was let in, or the proved cause of its refusal with what to do. */
export function explainRequest(kept: KeptRequest, known: Known): Explanation {
  const found = explained(kept, known)
  const events = found.accepted ? sessionEvents(kept) : []
  if (events.length === 0) return found
  return {
    ...found,
    certainty: 'seen',
    causes: events.map(({ cause }) => cause),
    why: [...found.why, ...events.map(({ why }) => why)],
    fix: events.map(({ fix }) => fix),
  }
}

/** What a capture without secrets says of a missing one is nothing. */
const sanitised = {
  accepted: false,
  causes: ['capture-sanitised'],
  certainty: 'seen' as const,
  why: [
    'The archive has no Authorization and no Cookie in any request: Chrome leaves them out, so that it cannot be seen what was sent.',
  ],
  fix: [
    'In Chrome’s DevTools: Settings, Preferences, Network: Allow to generate HAR with sensitive data. Or, where the endpoint is fairlead’s: fairlead explain --last',
  ],
  steps: [],
}

function explained(kept: KeptRequest, known: Known): Explanation {
  const base = {
    id: kept.id,
    at: new Date(kept.at).toISOString(),
    platform: kept.platform,
    request: `${kept.method} ${kept.target}`,
    status: kept.status,
    ...(kept.code ? { code: kept.code, docs: `docs/errors/${kept.code}.md` } : {}),
  }
  if (kept.sanitised && kept.status >= 400 && headerOf(kept, 'authorization') === undefined && !isSigned(kept))
    return { ...base, ...sanitised }
  // A capture has no code: what an endpoint asks for, and the request lacks, is the cause.
  if (!kept.code && (kept.status === 401 || kept.status === 403) && !known.endpoint.guessed) {
    if (known.endpoint.auth === 'iam') return { ...base, ...bySignature(kept, known, false) }
    if (known.endpoint.auth === 'oauth' && !/^(Bearer|DPoP) /i.test(headerOf(kept, 'authorization') ?? ''))
      return { ...base, ...byToken({ ...kept, code: 'TOKEN_MISSING' }, known) }
  }
  if (kept.code === 'POLICY_DENIED') return { ...base, ...byGatewayPolicies(kept, known) }
  if (kept.decision) return { ...base, ...bySignature(kept, known, true), ...byPolicy(kept, kept.decision) }
  if (kept.code?.startsWith('SIGV4_') || (isSigned(kept) && !(kept.code && kept.code in tokenCauses)))
    return { ...base, ...bySignature(kept, known, kept.status < 400) }
  if (kept.code && kept.code in tokenCauses) return { ...base, ...byToken(kept, known) }
  if (known.endpoint.auth === 'oauth' && kept.status < 400) return { ...base, ...byToken(kept, known) }
  if (!kept.code && kept.status < 400)
    return {
      ...base,
      accepted: true,
      causes: [],
      certainty: 'seen',
      why: ['It was let in: this path asks for no authentication.'],
      fix: [],
      steps: [],
    }
  return { ...base, ...byCode(kept, known) }
}

type Judged = Omit<Explanation, 'id' | 'at' | 'platform' | 'request' | 'status' | 'docs'>

function bySignature(kept: KeptRequest, known: Known, letIn: boolean): Judged {
  const { endpoint, keys, hosts = [] } = known
  const found = explainSigv4(
    {
      method: kept.method,
      target: kept.target,
      rawHeaders: kept.headers,
      at: kept.at,
      ...bytesOf(kept),
      ...(kept.bodySha256 ? { bodySha256: kept.bodySha256 } : {}),
    },
    {
      service: endpoint.service ?? 'lambda',
      region: endpoint.region ?? 'us-east-1',
      keys,
      hosts: [...hosts, new URL(endpoint.url).host],
    },
  )
  // A body that was capped cannot be hashed again, and the server has hashed it when it let the request in.
  const accepted = found.accepted || (letIn && kept.altered === true && found.causes.length === 0)
  const texts = found.causes.map(causeText)
  const why = found.causes.map((id) => [causeText(id).why, found.details[id] ?? ''].join(' ').trim())
  const steps = found.steps.map(({ name, text }) => ({ name, text }))
  if (!accepted) {
    const proof =
      found.certainty === 'proved' ? ['With that undone the signature verifies, so everything else is right.'] : []
    return {
      accepted: false,
      causes: found.causes,
      certainty: found.certainty,
      why: [...why, ...proof],
      fix: [...new Set(texts.map(({ fix }) => fix))],
      ...(found.difference ? { difference: found.difference } : {}),
      steps,
    }
  }
  const after = kept.status >= 400 || kept.code !== undefined ? byCode(kept, known) : undefined
  return {
    accepted: after === undefined,
    causes: after?.causes ?? [],
    certainty: 'proved',
    why: [
      `Signed with ${found.accessKeyId}${kept.principal ? `, which is ${kept.principal}` : ''}; the signature verifies.`,
      ...(after?.why ?? []),
    ],
    fix: after?.fix ?? [],
    steps,
  }
}

function byPolicy(
  kept: KeptRequest,
  decision: NonNullable<KeptRequest['decision']>,
): Pick<Judged, 'accepted' | 'causes' | 'certainty' | 'why' | 'fix'> & { steps: Explanation['steps'] } {
  const found = explainPolicy(decision)
  return {
    accepted: false,
    causes: [found.cause],
    certainty: 'proved',
    why: ['The signature is good: the caller is who it says.', found.why],
    fix: [found.fix],
    steps: [
      {
        name: 'asked',
        text: `${decision.principal}\n${decision.action}\n${decision.resource}\n${Object.entries(decision.context)
          .map(([key, value]) => `${key} = ${value}`)
          .join('\n')}`,
      },
      ...found.statements.map((text) => ({ name: 'statement', text, ok: text.endsWith('matches') })),
    ],
  }
}

/** Who called was let in: what the gateway's own policies said of the call is the cause. */
function byGatewayPolicies(kept: KeptRequest, known: Known): Judged {
  const { code: _code, ...request } = kept
  const letIn = isSigned(kept)
    ? bySignature(request, known, true)
    : known.endpoint.auth === 'oauth'
      ? byToken(request, known)
      : undefined
  const said = byCode(kept, known)
  const { policies = [] } = kept
  const text = policies.length > 0 ? `it is forbidden by ${policies.join(', ')}` : 'none of them permits it'
  return {
    ...said,
    certainty: 'proved',
    why: [...(letIn?.why ?? []), ...said.why, `Of the policies ${text}.`],
    steps: [...(letIn?.steps ?? []), { name: 'policies', ok: false, text }],
  }
}

function byToken(kept: KeptRequest, { endpoint, others = [] }: Known): Judged {
  const facts = { resource: endpoint.url, ...(endpoint.issuer ? { issuer: endpoint.issuer } : {}) }
  const steps = explainBearer(kept, facts).map(({ name, ok, expected, came }) => ({
    name,
    ok,
    text: `expected ${expected}; came ${came}`,
  }))
  const cause = tokenCauses[kept.code as ErrorCode]
  if (cause === undefined)
    return {
      accepted: true,
      causes: [],
      certainty: 'proved',
      why: [`The token is good${kept.principal ? `: it is ${kept.principal}’s` : ''}.`],
      fix: [],
      steps,
    }
  const hint = bearerHint(kept, facts)
  const way = kept.code === 'TOKEN_MISSING' ? followSignIn(kept, others) : undefined
  return {
    accepted: false,
    code: kept.code!,
    causes: [specialForm(kept, facts.resource) ?? cause],
    certainty: 'proved',
    why: [
      kept.why ?? errors[kept.code as ErrorCode].why,
      ...(hint ? [hint] : []),
      ...(way?.stopped ? [way.stopped] : []),
    ],
    fix: [errors[kept.code as ErrorCode].fix],
    steps: way
      ? way.steps.map(({ name, ok, said }) => ({
          name,
          ok,
          text: said ?? (ok === undefined ? 'the client has not come so far' : 'done'),
        }))
      : steps,
  }
}

/** What has the code of another cause, and is a cause of its own: the same server in another spelling, a signature for a token. */
function specialForm(kept: KeptRequest, resource: string): string | undefined {
  if (kept.code === 'TOKEN_MISSING' && isSigned(kept)) return 'signed-for-oauth'
  return kept.code === 'TOKEN_AUDIENCE' && kept.why?.includes(`for ${resource}/;`) ? 'token-audience-slash' : undefined
}

/** The fault that makes a code; a code that none makes is its own cause. */
const codeCauses: Partial<Record<ErrorCode, string>> = {
  RUNTIME_ACCEPT: 'accept-one-type',
  RUNTIME_SESSION_BUSY: 'session-busy',
  RUNTIME_CRASHED: 'session-killed',
}

function causeOf(kept: KeptRequest): string {
  const { code, status } = kept
  if (code === undefined) return `http-${status}`
  const session = headerOf(kept, runtimeHeaders.session)
  // A longer one is kept as its first eight characters and a mark.
  if (code === 'RUNTIME_REQUEST_INVALID' && session !== undefined && session.length < 33 && !session.endsWith(masked))
    return 'session-id-short'
  return codeCauses[code as ErrorCode] ?? code
}

/** What has a code of its own, or none: the table and the answer say what there is to say. */
function byCode(kept: KeptRequest, { others = [] }: Known): Judged {
  const code = kept.code as ErrorCode | undefined
  const facts = code === undefined ? undefined : (errors as Partial<Record<string, { why: string; fix: string }>>)[code]
  const said = saidIn(kept)
  const retry = code === 'RUNTIME_SESSION_BUSY' ? retryOf(kept, others) : undefined
  const why = [kept.why ?? facts?.why, said && `The answer says: ${said}`, retry].filter(
    (each) => each !== undefined && each !== '',
  )
  return {
    accepted: false,
    ...(code ? { code } : {}),
    causes: [causeOf(kept)],
    certainty: 'seen',
    why: why.length > 0 ? (why as string[]) : [`It was answered ${kept.status}, and nothing more is known.`],
    fix: facts ? [facts.fix] : [statusFix[kept.status] ?? 'Read the log of the server.'],
    steps: [],
  }
}

const statusFix: Record<number, string> = {
  400: 'Send one JSON-RPC message, with the headers of its revision.',
  404: 'Call the endpoint’s own path: it is in .fairlead/local.json.',
  405: 'MCP is spoken with POST.',
  406: 'Send: Accept: application/json, text/event-stream',
  413: 'Send less.',
  415: 'Send: Content-Type: application/json',
}

function saidIn({ answer }: KeptRequest): string | undefined {
  if (!answer?.body) return undefined
  try {
    const value = JSON.parse(answer.body) as { error?: { message?: unknown }; message?: unknown; Message?: unknown }
    const message = value.error?.message ?? value.message ?? value.Message
    return typeof message === 'string' ? message.replaceAll(/[^\x20-\x7e]/g, '?').slice(0, 300) : undefined
  } catch {
    return undefined
  }
}

function isSigned({ headers, target }: KeptRequest): boolean {
  return (
    target.includes('X-Amz-Signature=') ||
    headers.some((text, at) => at % 2 === 1 && text.startsWith('AWS4-HMAC-SHA256'))
  )
}

function bytesOf({ body, base64, altered, bodyBytes }: KeptRequest): { body?: Uint8Array } {
  if (altered) return {}
  return body === undefined
    ? bodyBytes === 0
      ? { body: new Uint8Array() }
      : {}
    : { body: Buffer.from(body, base64 ? 'base64' : 'utf8') }
}
