import { newest, revisions } from '../mcp/revisions.ts'
import type { Finding } from './checks.ts'
import { header, type Answered, type Failed } from './send.ts'
import { messagesIn, post, replyIn, seen, sendTo, type Target } from './target.ts'

type Revision = keyof typeof revisions
export const legacyRevisions = Object.keys(revisions).filter(
  (each) => revisions[each as Revision].era === 'legacy',
) as Revision[]

/** How to speak with a server, once that is found out. */
export interface Speech {
  served: Revision[]
  capabilities: Record<string, unknown>
  /** Sends a request and gives back its answer. */
  ask: (
    method: string,
    params?: Record<string, unknown>,
    more?: Parameters<typeof post>[2],
  ) => Promise<Answered | Failed>
  sessionId?: string
}

const clientInfo = { name: 'fairlead-doctor', version: '1.0.0' }

/** Finds out which revisions a server speaks. */
export async function speech(target: Target): Promise<{ findings: Finding[]; speech?: Speech }> {
  const [modern, ...older] = await Promise.all([
    discover(target),
    ...legacyRevisions.toReversed().map((revision) => initialize(target, revision)),
  ])
  const all = [modern, ...older]
  const found = all.filter(({ ok }) => ok)
  const findings: Finding[] = [
    {
      id: 'some-revision',
      ok: found.length > 0,
      says:
        found.length > 0
          ? `It speaks ${found.map(({ revision }) => revision).join(', ')}.`
          : (all.find(({ said }) => said)?.said ?? 'It speaks none.'),
    },
    ...all.map(({ revision, ok, said }): Finding => ({
      id: `revision-${revision}`,
      ok,
      says: ok ? 'It is spoken.' : said,
    })),
  ]
  const best = found[0]
  if (!best) return { findings }
  const info = found.map((each) => each.info).find((each) => each !== undefined)
  findings.push({
    id: 'server-info',
    ok: typeof info?.name === 'string' && best.capabilities !== undefined,
    says: info
      ? `It is ${text(info.name).slice(0, 60)} ${text(info.version).slice(0, 20)}.`
      : 'It does not say its name.',
  })
  const types = found.map(({ answer }) => header(answer, 'content-type') ?? 'none')
  const wrong = types.find((type) => !/^(application\/json|text\/event-stream)\b/.test(type))
  findings.push({ id: 'content-type', ok: wrong === undefined, says: `Content-Type is ${wrong ?? types[0]}.` })
  return {
    findings,
    speech: speaker(
      target,
      best,
      found.map(({ revision }) => revision),
    ),
  }
}

interface Spoken {
  revision: Revision
  ok: boolean
  said: string
  answer: Answered
  info?: { name?: unknown; version?: unknown } | undefined
  capabilities?: Record<string, unknown> | undefined
  sessionId?: string | undefined
}

async function discover(target: Target): Promise<Spoken> {
  const answer = await modernAsk(target, 'server/discover')
  const result = replyIn(answer, 1)?.result ?? anyReply(answer)
  const versions = result?.supportedVersions
  return spoken(newest.modern, answer, Array.isArray(versions) && versions.includes(newest.modern), result)
}

async function initialize(target: Target, revision: Revision): Promise<Spoken> {
  const answer = await post(target, initializing(revision))
  const result = replyIn(answer, 1)?.result ?? anyReply(answer)
  const agreed = result?.protocolVersion
  const one = spoken(revision, answer, agreed === revision, result)
  return agreed !== undefined && agreed !== revision
    ? { ...one, said: `It answers with ${text(agreed).slice(0, 20)}.` }
    : one
}

function initializing(revision: Revision): unknown {
  const params = { protocolVersion: revision, capabilities: {}, clientInfo }
  return { jsonrpc: '2.0', id: 1, method: 'initialize', params }
}

/** A hop may have broken the content type: what is JSON is still read, and the type is a finding of its own. */
function anyReply(answer: Answered | Failed): Record<string, unknown> | undefined {
  if ('failed' in answer) return undefined
  return messagesIn(answer).find((each) => each.result)?.result
}

function spoken(
  revision: Revision,
  answer: Answered | Failed,
  ok: boolean,
  result: Record<string, unknown> | undefined,
): Spoken {
  const none: Answered = { status: 0, headers: {}, body: '', headMs: 0, ms: 0, ended: false }
  return {
    revision,
    ok,
    said: seen(answer),
    answer: 'failed' in answer ? none : answer,
    info: (result?.serverInfo ??
      (result?._meta as Record<string, unknown> | undefined)?.['io.modelcontextprotocol/serverInfo']) as Spoken['info'],
    capabilities: result?.capabilities as Spoken['capabilities'],
    sessionId: 'failed' in answer ? undefined : header(answer, 'mcp-session-id'),
  }
}

function modernAsk(
  target: Target,
  method: string,
  params: Record<string, unknown> = {},
  more: Parameters<typeof post>[2] = {},
): Promise<Answered | Failed> {
  const { name } = params as { name?: unknown }
  const _meta = {
    ...(params._meta as object | undefined),
    'io.modelcontextprotocol/protocolVersion': newest.modern,
    'io.modelcontextprotocol/clientInfo': clientInfo,
    'io.modelcontextprotocol/clientCapabilities': {},
  }
  const headers = {
    'mcp-protocol-version': newest.modern,
    'mcp-method': method,
    ...(typeof name === 'string' ? { 'mcp-name': name } : {}),
    ...more.headers,
  }
  return post(target, { jsonrpc: '2.0', id: 1, method, params: { ...params, _meta } }, { ...more, headers })
}

function speaker(target: Target, best: Spoken, served: Revision[]): Speech {
  const { revision, sessionId, capabilities = {} } = best
  if (revisions[revision].era === 'modern')
    return { served, capabilities, ask: (method, params, more) => modernAsk(target, method, params, more) }
  const session: Record<string, string> = {
    'mcp-protocol-version': revision,
    ...(sessionId ? { 'mcp-session-id': sessionId } : {}),
  }
  let begun: Promise<unknown> | undefined
  return {
    served,
    capabilities,
    ...(sessionId ? { sessionId } : {}),
    ask: async (method, params, more = {}) => {
      begun ??= post(target, { jsonrpc: '2.0', method: 'notifications/initialized' }, { headers: session })
      await begun
      return post(
        target,
        { jsonrpc: '2.0', id: 1, method, ...(params ? { params } : {}) },
        { ...more, headers: { ...session, ...more.headers } },
      )
    },
  }
}

/** What the transport asks of every server, whatever its tools. */
export async function transport(target: Target, { served, ask, sessionId }: Speech): Promise<Finding[]> {
  const legacy = served.find((each) => each !== newest.modern)
  const findings = await Promise.all([
    ...(legacy
      ? [
          notification(target, legacy, sessionId),
          getAnswer(target, sessionId, legacy),
          unknownRevision(target, sessionId),
        ]
      : []),
    ...(sessionId ? [sessionVisible(sessionId), sessionUnknown(target, legacy!)] : []),
    badJson(target),
    unknownMethod(ask),
    foreignOrigin(target, legacy),
    ...(isLoopback(target.url) ? [foreignHost(target, legacy)] : []),
    largeHeaders(target),
    largeBody(target),
  ])
  return [...findings, ...(await cors(target, sessionId))]
}

async function notification(target: Target, revision: string, sessionId: string | undefined): Promise<Finding> {
  const headers = { 'mcp-protocol-version': revision, ...(sessionId ? { 'mcp-session-id': sessionId } : {}) }
  const answer = await post(
    target,
    { jsonrpc: '2.0', method: 'notifications/initialized' },
    { headers, timeoutMs: 5000 },
  )
  if ('failed' in answer) return { id: 'notification-202', ok: false, says: answer.says }
  const ok = answer.status === 202 && answer.body === '' && answer.ended
  return {
    id: 'notification-202',
    ok,
    says: answer.ended
      ? `It was answered ${answer.status}${answer.body === '' ? '' : ` with ${answer.body.length} characters`}.`
      : `It was answered ${answer.status}, and the answer does not end.`,
  }
}

async function getAnswer(target: Target, sessionId: string | undefined, revision: string): Promise<Finding> {
  const headers = {
    accept: 'text/event-stream',
    'mcp-protocol-version': revision,
    ...(sessionId ? { 'mcp-session-id': sessionId } : {}),
  }
  const answer = await sendTo(target, { headers, timeoutMs: 3000, until: () => true })
  if ('failed' in answer) return { id: 'get-stream-or-405', ok: false, says: answer.says }
  const isStream = answer.status === 200 && (header(answer, 'content-type') ?? '').startsWith('text/event-stream')
  return { id: 'get-stream-or-405', ok: isStream || answer.status === 405, says: seen(answer) }
}

async function unknownRevision(target: Target, sessionId: string | undefined): Promise<Finding> {
  const headers = { 'mcp-protocol-version': '1999-01-01', ...(sessionId ? { 'mcp-session-id': sessionId } : {}) }
  const answer = await post(target, { jsonrpc: '2.0', id: 1, method: 'ping' }, { headers })
  return { id: 'unknown-revision-400', ok: !('failed' in answer) && refused(answer, [400]), says: seen(answer) }
}

async function sessionVisible(sessionId: string): Promise<Finding> {
  return {
    id: 'session-id-visible',
    ok: /^[\x21-\x7e]+$/.test(sessionId),
    says: `It has ${sessionId.length} characters.`,
  }
}

async function sessionUnknown(target: Target, revision: string): Promise<Finding> {
  const headers = { 'mcp-protocol-version': revision, 'mcp-session-id': '00000000-0000-4000-8000-000000000000' }
  const answer = await post(target, { jsonrpc: '2.0', id: 1, method: 'tools/list' }, { headers })
  return { id: 'session-unknown-404', ok: !('failed' in answer) && answer.status === 404, says: seen(answer) }
}

async function badJson(target: Target): Promise<Finding> {
  const answer = await post(target, '{"jsonrpc":')
  return { id: 'bad-json-400', ok: !('failed' in answer) && refused(answer, [400]), says: seen(answer) }
}

async function unknownMethod(ask: Speech['ask']): Promise<Finding> {
  const answer = await ask('doctor/no-such-method', {})
  const code = 'failed' in answer ? undefined : messagesIn(answer).find((each) => each.error)?.error?.code
  // AgentCore Runtime keeps a server's 404 to itself.
  return { id: 'unknown-method', ok: code === -32601 || code === -32010, says: seen(answer) }
}

/** What a server answers at any time: refused, it is refused for its headers. */
async function begin(
  target: Target,
  legacy: Revision | undefined,
  headers: Record<string, string>,
): Promise<Answered | Failed> {
  return legacy
    ? post(target, initializing(legacy), { headers })
    : modernAsk(target, 'server/discover', {}, { headers })
}

async function foreignOrigin(target: Target, legacy: Revision | undefined): Promise<Finding> {
  const answer = await begin(target, legacy, { origin: 'https://evil.example' })
  return { id: 'origin-checked', ok: !('failed' in answer) && answer.status === 403, says: seen(answer) }
}

/** With IAM the Host is signed, so that it cannot be foreign. */
async function foreignHost(target: Target, legacy: Revision | undefined): Promise<Finding> {
  const answer = await begin(target, legacy, { host: 'evil.example' })
  return { id: 'host-checked', ok: 'failed' in answer || answer.status >= 400, says: seen(answer) }
}

async function largeHeaders(target: Target): Promise<Finding> {
  const answer = await post(target, ping, { headers: { 'x-doctor': 'x'.repeat(64 * 1024) } })
  return {
    id: 'large-headers-refused',
    ok: 'failed' in answer ? answer.failed === 'closed' : answer.status >= 400,
    says: seen(answer),
  }
}

/** Says that 256 MB will come, and sends none of them. */
async function largeBody(target: Target): Promise<Finding> {
  const answer = await sendTo(target, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      'content-length': String(256 * 1024 * 1024),
    },
    timeoutMs: 4000,
  })
  const ok = 'failed' in answer ? answer.failed === 'closed' : answer.status >= 400
  return {
    id: 'large-body-refused',
    ok,
    says: 'failed' in answer && answer.failed === 'timeout' ? 'It waits for the whole body.' : seen(answer),
  }
}

async function cors(target: Target, sessionId: string | undefined): Promise<Finding[]> {
  const guarded = target.access.kind === 'token'
  const origin = isLoopback(target.url) ? 'http://localhost:6274' : new URL(target.url).origin
  const [flight, answer] = await Promise.all([
    sendTo(
      { ...target, access: { kind: 'none' } },
      {
        method: 'OPTIONS',
        headers: {
          origin,
          'access-control-request-method': 'POST',
          'access-control-request-headers': 'authorization,content-type,mcp-protocol-version',
        },
      },
    ),
    post(target, ping, { headers: { origin } }),
  ])
  const values = [flight, answer].map((each) =>
    'failed' in each ? [] : (each.headers['access-control-allow-origin'] ?? []).flatMap((value) => value.split(',')),
  )
  const most = Math.max(...values.map(({ length }) => length))
  if (most === 0) return []
  const once: Finding = {
    id: 'cors-once',
    ok: most === 1,
    says: `It is sent ${most === 1 ? 'once' : `${most} times`}.`,
  }
  const exposed = 'failed' in answer ? '' : (header(answer, 'access-control-expose-headers') ?? '').toLowerCase()
  const allowed = 'failed' in flight ? '' : (header(flight, 'access-control-allow-headers') ?? '').toLowerCase()
  // With IAM a preflight cannot be signed, and no browser signs what follows: there is nothing to allow.
  if (target.access.kind === 'iam') return [once]
  const lacks = [...(sessionId ? ['mcp-session-id'] : []), ...(guarded ? ['www-authenticate'] : [])].filter(
    (name) => exposed !== '*' && !exposed.includes(name),
  )
  const forbids = [...(guarded ? ['authorization'] : []), 'content-type', 'mcp-protocol-version'].filter(
    (name) => allowed !== '*' && !allowed.includes(name),
  )
  return [
    once,
    {
      id: 'cors-headers',
      ok: lacks.length === 0 && forbids.length === 0,
      says:
        lacks.length + forbids.length === 0
          ? 'They are exposed.'
          : [
              lacks.length > 0 ? `Not exposed: ${lacks.join(', ')}.` : '',
              forbids.length > 0 ? `Not allowed: ${forbids.join(', ')}.` : '',
            ]
              .join(' ')
              .trim(),
    },
  ]
}

const ping = { jsonrpc: '2.0', id: 1, method: 'ping' }

/** Refused by its status, or in JSON-RPC’s own way: AgentCore Runtime puts errors into a 200. */
function refused(answer: Answered, statuses: readonly number[]): boolean {
  return statuses.includes(answer.status) || (answer.status === 200 && messagesIn(answer).some((each) => each.error))
}

function text(value: unknown): string {
  return typeof value === 'string' ? value.replaceAll(/[^\x20-\x7e]/g, '?') : ''
}

export function isLoopback(url: string): boolean {
  return ['127.0.0.1', 'localhost', '[::1]'].includes(new URL(url).hostname)
}
