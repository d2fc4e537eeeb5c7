import type { Finding } from './checks.ts'
import { header } from './send.ts'
import { isLoopback, ping, post, sendTo, type Target } from './target.ts'

/** What a browser may send, and what it may read. */
export async function cors(target: Target, sessionId: string | undefined): Promise<Finding[]> {
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
