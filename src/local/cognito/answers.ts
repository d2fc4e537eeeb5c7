/** Parameters of a form or a query, each at most once. */
export class Parameters {
  readonly #all: URLSearchParams
  /** Names that came more than once: which one counts would be a guess, so the endpoints refuse them. */
  readonly repeated: string[]

  constructor(text: string) {
    this.#all = new URLSearchParams(text)
    const names = [...this.#all.keys()]
    this.repeated = names.filter((name, at) => names.indexOf(name) !== at)
  }

  get(name: string): string | undefined {
    return this.#all.get(name) ?? undefined
  }

  /** A parameter of several values, as `scope` and `prompt` are. */
  words(name: string): string[] {
    return (this.get(name) ?? '').split(' ').filter((word) => word !== '')
  }

  /** The same parameters, some of them changed, as a query. */
  with(changes: Record<string, string>): string {
    const copy = new URLSearchParams(this.#all)
    for (const [name, value] of Object.entries(changes)) copy.set(name, value)
    return copy.toString()
  }
}

export function queryOf(request: Request): Parameters {
  const { url } = request
  return new Parameters(url.includes('?') ? url.slice(url.indexOf('?') + 1) : '')
}

/** Reads a form body; undefined when it is of another type. */
export async function formOf(request: Request): Promise<Parameters | undefined> {
  const type = request.headers.get('content-type')?.split(';')[0]?.trim().toLowerCase()
  return type === 'application/x-www-form-urlencoded' ? new Parameters(await request.text()) : undefined
}

const uncached = { 'cache-control': 'no-store', pragma: 'no-cache', 'x-content-type-options': 'nosniff' }

export function json(status: number, body: unknown, headers: Record<string, string> = {}): Response {
  return new Response(JSON.stringify(body), {
    status,
    headers: { 'content-type': 'application/json;charset=UTF-8', ...uncached, ...headers },
  })
}

export function redirect(location: string, cookies: string[] = []): Response {
  const headers = new Headers({ location, ...uncached })
  for (const cookie of cookies) headers.append('set-cookie', cookie)
  return new Response(null, { status: 302, headers })
}

/** Adds parameters to a redirect URI, keeping its own query. */
export function withParameters(uri: string, parameters: Record<string, string | undefined>): string {
  const query = new URLSearchParams()
  for (const [name, value] of Object.entries(parameters)) if (value !== undefined) query.set(name, value)
  return `${uri}${uri.includes('?') ? '&' : '?'}${query.toString()}`
}

export function cookieOf(request: Request, name: string): string | undefined {
  const pairs = (request.headers.get('cookie') ?? '').split(/[;,]\s*/)
  return pairs.find((pair) => pair.startsWith(`${name}=`))?.slice(name.length + 1)
}
