import { headerOf, type KeptRequest } from './kept.ts'

/** One step of a sign-in, and whether the client took it. */
export interface SignInStep {
  name: string
  /** Undefined: the client has not come so far. */
  ok: boolean | undefined
  /** What was answered, where that was a refusal. */
  said?: string
}

/** The way of an MCP client from a 401 to a token. @see https://modelcontextprotocol.io/specification/2026-07-28/basic/authorization */
const way: {
  name: string
  is: (request: KeptRequest, path: string) => boolean
  needed: boolean
  /** It is the browser of a person that asks, and that has another name than the client. */
  browser?: true
}[] = [
  {
    name: 'GET protected-resource metadata',
    is: (_, path) => path.startsWith('/.well-known/oauth-protected-resource'),
    needed: true,
  },
  {
    name: 'GET authorization-server metadata',
    is: (_, path) =>
      path.includes('/.well-known/oauth-authorization-server') || path.includes('/.well-known/openid-configuration'),
    needed: true,
  },
  // A client with a metadata document, or one that is known, registers nothing.
  {
    name: 'POST registration',
    is: ({ method }, path) => method === 'POST' && /\/(register|reg)$/.test(path),
    needed: false,
  },
  {
    name: 'GET authorization',
    is: ({ method }, path) => method === 'GET' && /\/(authorize|auth)(\/|$)/.test(path),
    needed: true,
    browser: true,
  },
  {
    name: 'POST login',
    is: ({ method }, path) => method === 'POST' && path.endsWith('/login'),
    needed: false,
    browser: true,
  },
  { name: 'POST token', is: ({ method }, path) => method === 'POST' && path.endsWith('/token'), needed: true },
]

/** Follows what a client did after it was asked for a token: how far it came, and what it was told where it stopped. */
export function followSignIn(
  refused: KeptRequest,
  all: readonly KeptRequest[],
): { steps: SignInStep[]; stopped?: string } {
  const agent = agentOf(refused)
  const since = all.filter((each) => each.at >= refused.at && each.id !== refused.id)
  const later = since.filter((each) => agentOf(each) === agent)
  const found = way.map(({ name, is, needed, browser }) => {
    const tried = (browser ? since : later).filter((each) => is(each, each.target.split('?')[0]!))
    const good = tried.find(({ status, why }) => status < 400 && why === undefined)
    const last = tried.at(-1)
    return {
      name,
      needed,
      ok: tried.length === 0 ? undefined : good !== undefined,
      ...(last && !good ? { said: answerOf(last) } : {}),
    }
  })
  const challenged = headerOf({ headers: refused.answer?.headers ?? [] }, 'www-authenticate')
  const steps: SignInStep[] = [
    { name: '401 with WWW-Authenticate', ok: challenged !== undefined },
    ...found.map(({ name, ok, said }) => ({ name, ok, ...(said ? { said } : {}) })),
    { name: 'the request again, with a token', ok: again(refused, later) },
  ]
  const failed = found.find(({ ok }) => ok === false)
  if (failed) return { steps, stopped: `The client stopped at ${failed.name}: ${failed.said}` }
  if (steps.at(-1)!.ok) return { steps }
  if (!challenged)
    return { steps, stopped: 'The 401 had no WWW-Authenticate, so the client was not told where to sign in.' }
  const reached = found.findLastIndex(({ ok }) => ok)
  if (reached < 0) return { steps, stopped: 'The client never fetched the metadata that the challenge names.' }
  const next = found.slice(reached + 1).find(({ needed }) => needed)
  return {
    steps,
    stopped: next
      ? `The client stopped after ${found[reached]!.name}; ${next.name} would have been next.`
      : 'The client got a token and has not used it.',
  }
}

function again(refused: KeptRequest, later: readonly KeptRequest[]): boolean | undefined {
  const retried = later.filter(
    (each) => each.platform === refused.platform && headerOf(each, 'authorization') !== undefined,
  )
  return retried.length === 0 ? undefined : retried.some(({ status }) => status < 400)
}

/** What an authorization server says is an OAuth error; a platform’s own refusal has a code beside it. */
function answerOf({ status, answer, code, why }: KeptRequest): string {
  if (code) return `${code} ${why ?? ''}`.trim()
  if (why !== undefined) return why
  try {
    const { error, error_description: description } = JSON.parse(answer?.body ?? '') as {
      error?: unknown
      error_description?: unknown
    }
    if (typeof error === 'string')
      return `${status} ${error}${typeof description === 'string' ? `: ${description}` : ''}`.replaceAll(
        /[^\x20-\x7e]/g,
        '?',
      )
  } catch {
    // not JSON: the status is all there is
  }
  return `it was answered ${status}`
}

function agentOf(request: KeptRequest): string | undefined {
  return headerOf(request, 'user-agent')
}
