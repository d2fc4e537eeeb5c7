import { newest, revisions } from '../mcp/revisions.ts'
import type { Finding } from './checks.ts'
import { header, type Answered, type Failed } from './send.ts'
import { messagesIn, post, replyIn, seen, type Target } from './target.ts'

export type Revision = keyof typeof revisions
const legacyRevisions = Object.keys(revisions).filter(
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

/** What begins a conversation in the older revisions. */
export function initializing(revision: Revision): unknown {
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

/** Asks as 2026-07-28 does: each request says its revision itself. */
export function modernAsk(
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

function text(value: unknown): string {
  return typeof value === 'string' ? value.replaceAll(/[^\x20-\x7e]/g, '?') : ''
}
