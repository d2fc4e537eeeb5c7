import { sign } from '../auth/sigv4/sign.ts'
import type { Finding } from './checks.ts'
import { send } from './send.ts'
import { both, post, seen, type Access, type Target } from './target.ts'

const ping = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'ping' })

/** Whether an endpoint that IAM guards verifies what it should. */
export async function signatures(target: Target, access: Access & { kind: 'iam' }): Promise<Finding[]> {
  const open: Target = { ...target, access: { kind: 'none' } }
  const [unsigned, taken, changed, old] = await Promise.all([
    post(open, ping),
    post(target, ping),
    signed(target, access, { sent: ping.replace('ping', 'pong') }),
    signed(target, access, { now: Date.now() - 1_200_000 }),
  ])
  const refused = (answer: typeof unsigned) => !('failed' in answer) && (answer.status === 403 || answer.status === 401)
  return [
    { id: 'sigv4-unsigned-refused', ok: refused(unsigned), says: seen(unsigned) },
    { id: 'sigv4-taken', ok: !('failed' in taken) && !refused(taken), says: seen(taken) },
    { id: 'sigv4-body', ok: refused(changed), says: seen(changed) },
    { id: 'sigv4-clock', ok: refused(old), says: seen(old) },
  ]
}

async function signed(
  { url }: Target,
  access: Access & { kind: 'iam' },
  { sent = ping, now = Date.now() }: { sent?: string; now?: number },
) {
  const { host, pathname, search } = new URL(url)
  const headers = { host, 'content-type': 'application/json', accept: both }
  const request = {
    method: 'POST',
    target: pathname + search,
    rawHeaders: Object.entries(headers).flat(),
    body: Buffer.from(ping),
  }
  const added = sign(request, access.credentials, { ...access, now: () => new Date(now) })
  return send({ method: 'POST', url, headers: { ...headers, ...added }, body: sent })
}
