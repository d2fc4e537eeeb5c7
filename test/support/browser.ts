/** A page as a script sees it: where it is, what it says, and its forms. */
export interface Page {
  url: string
  status: number
  headers: Headers
  text: string
  forms: Form[]
}

export interface Form {
  action: string
  method: string
  /** What the form would send: hidden and text inputs with their values. */
  fields: Record<string, string>
  /** Buttons with a name: which one is pressed decides. */
  buttons: { name: string; value: string }[]
}

interface Cookie {
  name: string
  value: string
  path: string
  origin: string
}

/**
 * A browser without a window: keeps cookies by host and path, follows redirects, reads forms, and sends `Origin` with a
 * form as browsers do. It stops at a redirect to an address of `stopAt`, such as a client's callback, without calling it.
 */
export class Browser {
  #cookies: Cookie[] = []
  /** Every address that it went to, in order. */
  readonly visited: string[] = []
  readonly #stopAt: (url: URL) => boolean

  constructor(stopAt: (url: URL) => boolean = (url) => url.pathname === '/callback') {
    this.#stopAt = stopAt
  }

  async open(url: string, headers: Record<string, string> = {}): Promise<Page> {
    return this.#go(url, { method: 'GET', headers })
  }

  /** Sends a form of a page, with some fields filled in. */
  async submit(
    page: Page,
    values: Record<string, string> = {},
    options: { form?: number; headers?: Record<string, string> } = {},
  ): Promise<Page> {
    const form = page.forms[options.form ?? 0]
    if (!form) throw new Error(`no form on ${page.url}: ${page.status} ${page.text.slice(0, 200)}`)
    const fields = new URLSearchParams({ ...form.fields, ...values })
    const target = new URL(form.action, page.url)
    if (form.method === 'get') {
      target.search = fields.toString()
      return this.open(target.href)
    }
    return this.#go(target.href, {
      method: 'POST',
      body: fields,
      headers: { origin: new URL(page.url).origin, ...options.headers },
    })
  }

  /** The cookies that it has, as `name=value`. */
  cookies(): string[] {
    return this.#cookies.map(({ name, value }) => `${name}=${value}`)
  }

  /** Another browser with the same cookies: a copy of a profile. */
  copy(): Browser {
    const other = new Browser(this.#stopAt)
    other.#cookies = this.#cookies.map((cookie) => ({ ...cookie }))
    return other
  }

  async #go(
    start: string,
    init: { method: string; body?: URLSearchParams; headers: Record<string, string> },
  ): Promise<Page> {
    let url = new URL(start)
    let next = init
    for (let hop = 0; hop < 20; hop++) {
      this.visited.push(url.href)
      const cookie = this.#cookieFor(url)
      const response = await fetch(url, {
        ...next,
        redirect: 'manual',
        headers: { accept: 'text/html,application/xhtml+xml', ...next.headers, ...(cookie ? { cookie } : {}) },
      })
      this.#keep(url, response.headers.getSetCookie())
      const location = response.headers.get('location')
      if (response.status < 300 || response.status >= 400 || !location) return pageOf(url, response)
      await response.arrayBuffer()
      url = new URL(location, url)
      if (this.#stopAt(url)) {
        this.visited.push(url.href)
        return { url: url.href, status: 0, headers: response.headers, text: '', forms: [] }
      }
      next = { method: 'GET', headers: {} }
    }
    throw new Error(`too many redirects, last to ${url.href}`)
  }

  #cookieFor(url: URL): string {
    return this.#cookies
      .filter(
        ({ origin, path }) => origin === url.hostname && (url.pathname + '/').startsWith(path.replace(/\/?$/, '/')),
      )
      .map(({ name, value }) => `${name}=${value}`)
      .join('; ')
  }

  #keep(url: URL, lines: string[]): void {
    for (const line of lines) {
      const [pair = '', ...attributes] = line.split(/; */)
      const at = pair.indexOf('=')
      const [name, value] = [pair.slice(0, at), pair.slice(at + 1)]
      const attribute = (wanted: string) =>
        attributes.map((one) => one.split('=')).find(([key]) => key!.toLowerCase() === wanted)?.[1]
      const path = attribute('path') ?? '/'
      this.#cookies = this.#cookies.filter(
        (one) => !(one.name === name && one.path === path && one.origin === url.hostname),
      )
      const gone = value === '' || new Date(attribute('expires') ?? 8.64e15).getTime() <= Date.now()
      if (!gone) this.#cookies.push({ name, value, path, origin: url.hostname })
    }
  }
}

async function pageOf(url: URL, response: Response): Promise<Page> {
  const text = await response.text()
  return { url: url.href, status: response.status, headers: response.headers, text, forms: formsOf(text, url.href) }
}

function formsOf(text: string, url: string): Form[] {
  return [...text.matchAll(/<form([^>]*)>([\s\S]*?)<\/form>/g)].map(([, head, body]) => {
    const attributes = attributesOf(head!)
    const inputs = [...body!.matchAll(/<input([^>]*)>/g)].map(([, tag]) => attributesOf(tag!))
    return {
      action: attributes.action ?? url,
      method: (attributes.method ?? 'get').toLowerCase(),
      fields: Object.fromEntries(
        inputs.filter(({ name, type }) => name && type !== 'submit').map(({ name, value }) => [name!, value ?? '']),
      ),
      buttons: [...body!.matchAll(/<button([^>]*)>/g)]
        .map(([, tag]) => attributesOf(tag!))
        .flatMap(({ name, value }) => (name ? [{ name, value: value ?? '' }] : [])),
    }
  })
}

function attributesOf(tag: string): Record<string, string | undefined> {
  return Object.fromEntries(
    [...tag.matchAll(/([\w-]+)="([^"]*)"/g)].map(([, name, value]) => [name!, unescaped(value!)]),
  )
}

function unescaped(text: string): string {
  return text
    .replace(/&#(\d+);/g, (_, code: string) => String.fromCharCode(Number(code)))
    .replaceAll('&quot;', '"')
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&amp;', '&')
}
