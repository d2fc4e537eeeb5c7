import { newest } from '../mcp/revisions.ts'
import type { Finding } from './checks.ts'
import { cors } from './cors.ts'
import { header, type Answered, type Failed } from './send.ts'
import { initializing, modernAsk, type Revision, type Speech } from './speech.ts'
import { isLoopback, messagesIn, ping, post, seen, sendTo, type Target } from './target.ts'

/** What the transport asks of every server, whatever its tools. */
export async function transport(target: Target, { served, ask, sessionId }: Speech): Promise<Finding[]> {
  const legacy = served.find((each) => each !== newest.modern)
  const findings = await Promise.all([
    ...(legacy
      ? [
          notification(target, legacy, sessionId),
          getAnswer(target, sessionId, legacy),
          sessionStable(target, legacy),
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
  return [...findings.flat(), ...(await cors(target, sessionId))]
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

/** Begins a session of its own: what is asked in it keeps its id. */
async function sessionStable(target: Target, revision: Revision): Promise<Finding[]> {
  const begun = await post(target, initializing(revision))
  const id = 'failed' in begun ? undefined : header(begun, 'mcp-session-id')
  if (id === undefined) return []
  const headers = { 'mcp-protocol-version': revision, 'mcp-session-id': id }
  const answer = await post(target, ping, { headers })
  const later = 'failed' in answer ? undefined : header(answer, 'mcp-session-id')
  const ok = later === undefined || later === id
  return [{ id: 'session-id-stable', ok, says: ok ? 'They do.' : 'A later answer named another session.' }]
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

/** Refused by its status, or in JSON-RPC’s own way: AgentCore Runtime puts errors into a 200. */
function refused(answer: Answered, statuses: readonly number[]): boolean {
  return statuses.includes(answer.status) || (answer.status === 200 && messagesIn(answer).some((each) => each.error))
}
