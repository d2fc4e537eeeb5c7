import { createHash, randomBytes } from 'node:crypto'
import type { RunningCognito } from '../../../src/local/cognito/start.ts'

export const callback = 'http://127.0.0.1:9/callback'

export const ada = {
  username: 'ada',
  password: 'ada-password',
  sub: '6f1c2b1e-2a44-4b6f-9d0e-0d8f5b8c7a11',
  email: 'ada@example.com',
  groups: ['readers'],
}

export const pkce = () => {
  const verifier = randomBytes(32).toString('base64url')
  return { verifier, challenge: createHash('sha256').update(verifier).digest('base64url') }
}

export type Query = Record<string, string | string[] | undefined>

export function withQuery(url: string, query: Query): string {
  const all = new URLSearchParams()
  for (const [name, value] of Object.entries(query))
    for (const each of Array.isArray(value) ? value : value === undefined ? [] : [value]) all.append(name, each)
  return `${url}?${all.toString()}`
}

/** What one browser does: it keeps cookies, and follows nothing by itself. */
export function browser() {
  const cookies = new Map<string, string>()
  return {
    cookies,
    async go(
      url: string,
      init: Omit<RequestInit, 'headers'> & { headers?: Record<string, string> } = {},
    ): Promise<Response> {
      const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ')
      const response = await fetch(url, { redirect: 'manual', ...init, headers: { cookie, ...init.headers } })
      for (const set of response.headers.getSetCookie()) {
        const [, name, value] = /^([^=]+)=([^;]*)/.exec(set)!
        if (value === '') cookies.delete(name!)
        else cookies.set(name!, value!)
      }
      return response
    },
  }
}

export const csrfIn = (page: string) => /name="_csrf" value="([^"]+)"/.exec(page)![1]!

/** Goes to the authorization endpoint, signs in on the login page, and gives back where the browser is sent then. */
export async function signInAt(
  cognito: RunningCognito,
  query: Query,
  user = ada,
  at: ReturnType<typeof browser> = browser(),
): Promise<URL> {
  const first = await at.go(withQuery(`${cognito.url}/oauth2/authorize`, query))
  const location = first.headers.get('location')!
  if (!location.startsWith(`${cognito.url}/login`)) return new URL(location)
  const page = await (await at.go(location)).text()
  const answer = await at.go(location, {
    method: 'POST',
    body: new URLSearchParams({ username: user.username, password: user.password, _csrf: csrfIn(page) }),
  })
  if (answer.status !== 302) throw new Error(`the login page answered ${answer.status}`)
  return new URL(answer.headers.get('location')!)
}

export async function tokenRequest(
  cognito: RunningCognito,
  form: Query,
  headers: Record<string, string> = {},
): Promise<{ status: number; body: Record<string, string> }> {
  const response = await fetch(`${cognito.url}/oauth2/token`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
    body: withQuery('', form).slice(1),
  })
  return { status: response.status, body: (await response.json()) as Record<string, string> }
}
