import type { Platform } from '../platforms.ts'
import { authorization, type Discovered } from './authorization.ts'
import { checks, type CheckId, type Finding } from './checks.ts'
import { forClient, type ClientName } from './clients.ts'
import { speech } from './speech.ts'
import { transport } from './transport.ts'
import { header, send, type Answered } from './send.ts'
import { signatures } from './signatures.ts'
import { isLoopback, both, post, seen, sendTo, type Access, type Target } from './target.ts'
import { streaming, tools } from './tools.ts'

export interface ExamineOptions {
  url: string
  access: Access
  /** How long one answer may take, in milliseconds; 8 s by default. */
  patienceMs?: number
  platform?: Platform
  client?: ClientName
  /** A tool that reports progress, to see whether that streams. */
  tool?: { name: string; arguments: Record<string, unknown> }
}

export interface Examination {
  url: string
  findings: (Finding & { level: 'MUST' | 'SHOULD'; title: string; section: string; fix: string })[]
  /** What could not be looked at, since something before it failed. That is a failure too. */
  notReached: CheckId[]
  ok: boolean
}

/** Examines an endpoint from outside. It ends in time whatever answers, with what was found until then. */
export async function examine(options: ExamineOptions): Promise<Examination> {
  const target: Target = {
    url: options.url,
    access: options.access,
    ...(options.patienceMs ? { patienceMs: options.patienceMs } : {}),
    // A new session was measured to take 18 s on AWS.
    ...(options.platform === 'agentcore-runtime' ? { slowMs: 40_000 } : {}),
  }
  const findings: Finding[] = []
  const notReached = await look(target, options, findings)
  const all = findings.map((each) => ({ ...each, ...checks[each.id] }))
  return {
    url: options.url,
    findings: all,
    notReached,
    ok: notReached.length === 0 && all.every(({ ok, level }) => ok || level === 'SHOULD'),
  }
}

const afterReaching = ['no-redirect', 'some-revision'] as const
const afterSpeaking = [
  'server-info',
  'content-type',
  'bad-json-400',
  'unknown-method',
  'origin-checked',
  'tools-list',
] as const

async function look(target: Target, options: ExamineOptions, findings: Finding[]): Promise<CheckId[]> {
  const open = await post(
    { ...target, access: { kind: 'none' } },
    { jsonrpc: '2.0', id: 1, method: 'ping' },
    { until: (text) => text.length > 256 * 1024 },
  )
  if ('failed' in open) {
    findings.push({ id: 'reachable', ok: false, says: open.says })
    return [...afterReaching, ...afterSpeaking]
  }
  findings.push(
    { id: 'reachable', ok: true, says: `It answered ${open.status} after ${Math.round(open.headMs)} ms.` },
    { id: 'answers-in-time', ok: open.headMs < 3000, says: `It took ${Math.round(open.headMs)} ms.` },
    {
      id: 'https-or-loopback',
      ok: target.url.startsWith('https:') || isLoopback(target.url),
      says: new URL(target.url).protocol.replace(':', ''),
    },
    await redirects(target.url, open),
  )
  if (open.status >= 300 && open.status < 400) return ['some-revision', ...afterSpeaking]
  const discovered: Discovered = {}
  const auth =
    options.access.kind === 'iam' ? 'iam' : open.status === 401 || options.access.kind === 'token' ? 'oauth' : 'none'
  if (auth === 'oauth') {
    const found = await authorization(target, open)
    findings.push(...found.findings)
    Object.assign(discovered, found.discovered)
  }
  const access = options.access
  if (access.kind === 'iam') findings.push(...(await signatures(target, access)))
  const stopped = await spoken(target, options, { findings, auth, discovered })
  if (options.platform) findings.push(...(await forPlatform(options.platform, target)))
  return stopped
}

async function spoken(
  target: Target,
  options: ExamineOptions,
  { findings, auth, discovered }: { findings: Finding[]; auth: 'iam' | 'oauth' | 'none'; discovered: Discovered },
): Promise<CheckId[]> {
  const client = (served: readonly string[]) =>
    options.client ? forClient(options.client, { url: target.url, auth, served, discovered }) : []
  if (auth === 'oauth' && target.access.kind === 'none') {
    findings.push(...client([]))
    return ['some-revision', ...afterSpeaking]
  }
  if (target.access.kind === 'token') {
    const taken = await post(target, { jsonrpc: '2.0', id: 1, method: 'ping' }).catch((error: Error) => error)
    // Where the way to a token is broken that has been said, and there can be none.
    if (taken instanceof Error && findings.some(({ id, ok }) => !ok && checks[id].level === 'MUST'))
      return ['token-taken', 'some-revision', ...afterSpeaking]
    if (taken instanceof Error) {
      findings.push({ id: 'token-taken', ok: false, says: `There is no token: ${taken.message}` })
      return ['some-revision', ...afterSpeaking]
    }
    const ok = !('failed' in taken) && taken.status !== 401 && taken.status !== 403
    findings.push({ id: 'token-taken', ok, says: seen(taken) })
    if (!ok) return ['some-revision', ...afterSpeaking]
  }
  const found = await speech(target)
  findings.push(...found.findings)
  findings.push(...client(found.speech?.served ?? []))
  if (!found.speech) return [...afterSpeaking]
  findings.push(
    ...(await transport(target, found.speech)),
    ...(await tools(found.speech)),
    ...(await streaming(found.speech, options.tool)),
  )
  return []
}

/** A redirect is followed by hand, as far as it leads, to say where it ends. */
async function redirects(url: string, first: Answered): Promise<Finding> {
  const seenPlaces = [url]
  let answer: Answered = first
  while (answer.status >= 300 && answer.status < 400) {
    const to = header(answer, 'location')
    if (to === undefined || !URL.canParse(to, seenPlaces.at(-1)))
      return { id: 'no-redirect', ok: false, says: `It was answered ${answer.status}, without a place to go to.` }
    const next = new URL(to, seenPlaces.at(-1)).href
    if (seenPlaces.includes(next)) return { id: 'no-redirect', ok: false, says: `It redirects in a circle: ${next}` }
    seenPlaces.push(next)
    if (seenPlaces.length > 6) return { id: 'no-redirect', ok: false, says: 'It redirects more than five times.' }
    // Another host is named, and not called.
    if (new URL(next).host !== new URL(url).host)
      return { id: 'no-redirect', ok: false, says: `It redirects to ${next}` }
    const followed = await send({
      method: 'POST',
      url: next,
      body: '{}',
      headers: { host: new URL(next).host, 'content-type': 'application/json', accept: both },
      timeoutMs: 4000,
    })
    if ('failed' in followed)
      return { id: 'no-redirect', ok: false, says: `It redirects to ${next}, and there: ${followed.says}` }
    answer = followed
  }
  return seenPlaces.length === 1
    ? { id: 'no-redirect', ok: true, says: 'There is none.' }
    : { id: 'no-redirect', ok: false, says: `It redirects to ${seenPlaces.at(-1)}` }
}

/** A server says itself how long it keeps a connection; one that does not is not judged. 60 s are a load balancer’s own. */
function keepAlive(answer: Answered): Finding[] {
  const [, seconds] = /\btimeout=(\d+)/.exec(header(answer, 'keep-alive') ?? '') ?? []
  if (seconds === undefined) return []
  return [{ id: 'keep-alive', ok: Number(seconds) >= 60, says: `It closes a connection after ${seconds} s.` }]
}

async function forPlatform(platform: Platform, target: Target): Promise<Finding[]> {
  switch (platform) {
    case 'lambda': {
      const answer = await sendTo(target, {
        method: 'POST',
        headers: { 'content-type': 'application/json', accept: both },
        body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'ping', params: { x: 'x'.repeat(6.5 * 1024 * 1024) } }),
      })
      return [{ id: 'no-payload-over-6mb', ok: !('failed' in answer) && answer.status === 413, says: seen(answer) }]
    }
    case 'fargate': {
      const answer = await send({
        url: new URL('/healthz', target.url).href,
        headers: { host: new URL(target.url).host, connection: 'keep-alive' },
      })
      return [
        { id: 'health', ok: !('failed' in answer) && answer.status === 200, says: seen(answer) },
        ...('failed' in answer ? [] : keepAlive(answer)),
      ]
    }
    case 'agentcore-runtime': {
      const answer = await post(
        target,
        { jsonrpc: '2.0', id: 1, method: 'ping' },
        { headers: { accept: 'application/json' } },
      )
      return [
        {
          id: 'accept-both',
          ok: !('failed' in answer) && (answer.status === 406 || answer.body.includes('-32011')),
          says: seen(answer),
        },
      ]
    }
    case 'agentcore-gateway':
      return []
  }
}
