import { CookieJar } from './cookie-jar.ts'
import { signInFailed } from './failed.ts'
import { approvingButton, formsOf, yesButton, type Form } from './forms.ts'

/** Who signs in, when a script does it. */
export interface Person {
  username: string
  password: string
}

const maxSteps = 25
const maxPageBytes = 1024 * 1024

/**
 * Goes through an authorization endpoint's pages without a browser, until it is sent to the redirect URI, and gives
 * back the parameters there; the redirect URI itself is never called. It follows redirects with cookies, fills a form
 * that has a password field, and presses the approving button of one that has none. It leaves loopback never: a
 * password is not for other machines. Throws SIGN_IN_FAILED.
 */
export async function authorizeByScript(
  authorizationUrl: URL,
  redirectUri: string,
  person: Person,
  fetchFn: typeof fetch = fetch,
): Promise<URLSearchParams> {
  const jar = new CookieJar()
  let next: { url: URL; init: RequestInit } = { url: authorizationUrl, init: {} }
  let sentPassword = false
  for (let step = 0; step < maxSteps; step++) {
    const { url, init } = next
    refuseForeign(url)
    const response = await send(url, init, jar, fetchFn)
    const location = response.headers.get('location')
    if (location !== null && response.status >= 300 && response.status < 400) {
      await response.body?.cancel()
      const target = new URL(location, url)
      if (isRedirectUri(target, redirectUri)) return target.searchParams
      next = { url: target, init: {} }
      continue
    }
    const page = await pageOf(response, url)
    const form = formToSend(page.forms)
    if (!form)
      throw signInFailed(`${url.origin}${url.pathname} answered ${response.status}`, undefined, said(page.text))
    const asksPassword = hasPassword(form)
    if (asksPassword && sentPassword)
      throw signInFailed(`${url.origin} refused the user name or the password`, undefined, {
        ...said(page.text),
        fix: 'Look up both in .fairlead/local.json.',
      })
    sentPassword ||= asksPassword
    next = filled(form, url, person)
  }
  throw signInFailed(`The sign-in did not end within ${maxSteps} pages`)
}

/** Loopback by name or address, as it stands in the URL. */
export function isLoopback({ hostname, protocol }: URL): boolean {
  return (
    (protocol === 'http:' || protocol === 'https:') &&
    (hostname === 'localhost' || hostname === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(hostname))
  )
}

function refuseForeign(url: URL): void {
  if (isLoopback(url)) return
  throw signInFailed(`The sign-in leads to ${url.protocol}//${url.host}, which is not this machine`, undefined, {
    why: 'A script gives a user name and a password to loopback addresses only.',
    fix: 'Sign in with an MCP client and a browser.',
  })
}

async function send(url: URL, init: RequestInit, jar: CookieJar, fetchFn: typeof fetch): Promise<Response> {
  const cookie = jar.header(url)
  const headers = { accept: 'text/html', ...(init.headers as Record<string, string>), ...(cookie ? { cookie } : {}) }
  try {
    const response = await fetchFn(url, { ...init, headers, redirect: 'manual', signal: AbortSignal.timeout(15_000) })
    jar.keep(url, response)
    return response
  } catch (error) {
    throw signInFailed(`Nothing answers at ${url.origin}`, error)
  }
}

/** Compared without the query, which carries the answer. */
function isRedirectUri(target: URL, redirectUri: string): boolean {
  const wanted = new URL(redirectUri)
  return target.origin === wanted.origin && target.pathname === wanted.pathname && target.protocol === wanted.protocol
}

async function pageOf(response: Response, url: URL): Promise<{ forms: Form[]; text: string }> {
  const page = (await response.text()).slice(0, maxPageBytes)
  if (!response.headers.get('content-type')?.includes('html')) {
    throw signInFailed(`${url.origin}${url.pathname} answered ${response.status}`, undefined, said(page))
  }
  return { forms: formsOf(page), text: page }
}

function hasPassword(form: Form): boolean {
  return form.fields.some(({ type }) => type === 'password')
}

/** The form with a password, else the one that has a button that says yes, else the first that can be approved. */
function formToSend(forms: Form[]): Form | undefined {
  return (
    forms.find(hasPassword) ??
    forms.find(({ buttons }) => yesButton(buttons) !== undefined) ??
    forms.find(({ buttons }) => approvingButton(buttons) !== undefined)
  )
}

function filled(form: Form, page: URL, person: Person): { url: URL; init: RequestInit } {
  const body = new URLSearchParams()
  let named = !hasPassword(form)
  for (const { name, type, value } of form.fields) {
    const isName = !named && (type === 'text' || type === 'email')
    named ||= isName
    body.append(name, type === 'password' ? person.password : isName ? person.username : value)
  }
  const button = hasPassword(form) ? form.buttons[0] : approvingButton(form.buttons)
  if (button?.name) body.append(button.name, button.value)
  const url = new URL(button?.action ?? form.action, page)
  if (form.method === 'get') {
    // A password has no place in a URL, whatever the page says.
    if (hasPassword(form)) throw signInFailed(`The form at ${page.origin} would send the password in its address`)
    url.search = body.toString()
    return { url, init: {} }
  }
  return {
    url,
    init: {
      method: 'POST',
      body: body.toString(),
      headers: { 'content-type': 'application/x-www-form-urlencoded', origin: page.origin },
    },
  }
}

/** What a page says to a reader, for the why. */
function said(page: string): { why?: string } {
  const alert = /role="alert"[^>]*>([^<]*)</.exec(page)?.[1]
  const text = (alert ?? page)
    .replace(/<(script|style|head)\b[\s\S]*?<\/\1>/gi, ' ')
    .replace(/<[^>]*>/g, ' ')
    .replace(/\s+/g, ' ')
    .trim()
  return text === '' ? {} : { why: `It said: ${text.slice(0, 200)}` }
}
