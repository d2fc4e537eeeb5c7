import type { IncomingMessage } from 'node:http'
import type { Target } from './target.ts'

const cookieName = 'AWSALB'

/** The target that the client's cookie names, if it is healthy; cookies are off unless `seconds` is given. */
export function stickyTarget(
  req: IncomingMessage,
  healthy: readonly Target[],
  seconds: number | undefined,
): Target | undefined {
  if (!seconds) return undefined
  const named = new RegExp(`(?:^|; ?)${cookieName}=([^;]+)`).exec(req.headers.cookie ?? '')?.[1]
  return healthy.find(({ id }) => id === named)
}

/** @see https://docs.aws.amazon.com/elasticloadbalancing/latest/application/sticky-sessions.html */
export function stickyCookie(target: Target, seconds: number | undefined): string | undefined {
  return seconds
    ? `${cookieName}=${target.id}; Expires=${new Date(Date.now() + seconds * 1000).toUTCString()}; Path=/`
    : undefined
}
