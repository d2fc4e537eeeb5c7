/** Which Host and Origin may reach an endpoint. `loopback` is for local binds; `any` is for platforms that check Host themselves. */
export type Allowed = 'loopback' | 'any' | readonly string[]

const loopbackNames = new Set(['127.0.0.1', 'localhost', '[::1]'])

/** Whether the Host header is one that is served here: a name that was rebound to loopback is not. */
export function isHostAllowed(host: string | null, allowed: Allowed): boolean {
  if (allowed === 'any') return true
  if (host === null) return false
  const name = host.toLowerCase().replace(/:\d{1,5}$/, '')
  return allowed === 'loopback' ? loopbackNames.has(name) : allowed.includes(name) || allowed.includes(host)
}

/** Whether a web page at this origin may call. A request without an Origin comes from no page. */
export function isOriginAllowed(origin: string | null, allowed: Allowed): boolean {
  if (origin === null || allowed === 'any') return true
  return allowed === 'loopback' ? loopbackNames.has(hostnameOf(origin)) : allowed.includes(origin)
}

function hostnameOf(origin: string): string {
  return URL.canParse(origin) ? new URL(origin).hostname : ''
}
