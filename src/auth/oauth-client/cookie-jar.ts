interface Kept {
  name: string
  value: string
  host: string
  path: string
}

/** Keeps cookies as a browser does for one sign-in: by host (all its ports) and path. */
export class CookieJar {
  #kept: Kept[] = []

  keep(url: URL, response: Response): void {
    for (const text of response.headers.getSetCookie()) this.#keepOne(url, text)
  }

  header(url: URL): string | undefined {
    const fitting = this.#kept
      .filter(({ host, path }) => host === url.hostname && isUnder(url.pathname, path))
      .toSorted((one, other) => other.path.length - one.path.length)
    return fitting.length === 0 ? undefined : fitting.map(({ name, value }) => `${name}=${value}`).join('; ')
  }

  #keepOne(url: URL, text: string): void {
    const [pair = '', ...rest] = text.split(';').map((part) => part.trim())
    const at = pair.indexOf('=')
    if (at < 1) return
    const attributes = new Map(
      rest.map((part): [string, string] => {
        const [name = '', ...value] = part.split('=')
        return [name.toLowerCase(), value.join('=')]
      }),
    )
    const path = attributes.get('path')?.startsWith('/') ? attributes.get('path')! : defaultPath(url)
    const name = pair.slice(0, at)
    this.#kept = this.#kept.filter((each) => each.name !== name || each.host !== url.hostname || each.path !== path)
    if (!isOver(attributes)) this.#kept.push({ name, value: pair.slice(at + 1), host: url.hostname, path })
  }
}

function isOver(attributes: Map<string, string>): boolean {
  const age = attributes.get('max-age')
  if (age !== undefined) return Number(age) <= 0
  const expires = attributes.get('expires')
  return expires !== undefined && Date.parse(expires) <= Date.now()
}

/** @see RFC 6265 §5.1.4 */
function defaultPath({ pathname }: URL): string {
  const last = pathname.lastIndexOf('/')
  return last <= 0 ? '/' : pathname.slice(0, last)
}

function isUnder(pathname: string, path: string): boolean {
  return pathname === path || pathname.startsWith(path.endsWith('/') ? path : `${path}/`)
}
