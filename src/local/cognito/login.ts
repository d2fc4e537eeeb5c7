import { createHmac, randomBytes } from 'node:crypto'
import { cookieOf, formOf, json, queryOf, type Parameters } from './answers.ts'
import { grantCode, readAuthorization } from './authorize.ts'
import { errorPage, html, loginPage } from './page.ts'
import { sameSecret } from './same-secret.ts'
import type { Pool } from './pool.ts'
import { cookie, csrfCookie, startSession } from './session.ts'

/**
 * Answers GET and POST /login, managed login's page: user name and password, with the query of /oauth2/authorize.
 * @see https://docs.aws.amazon.com/cognito/latest/developerguide/login-endpoint.html
 */
export async function login(pool: Pool, request: Request): Promise<Response> {
  const query = queryOf(request)
  const read = readAuthorization(pool, query)
  if (read instanceof Response) return read
  if (request.method === 'GET') return showLogin(pool, request, query)
  if (request.method !== 'POST') return json(405, { error: 'invalid_request' }, { allow: 'GET, POST' })

  const form = await formOf(request)
  if (!form || form.repeated.length > 0) return html(400, errorPage('The form could not be read.'))
  if (!isOurForm(pool, request, form.get('_csrf')))
    return html(403, errorPage('This form was not sent from our own page. Go back and sign in again.'))
  const username = form.get('username') ?? ''
  const user = pool.users.get(username)
  // Compared with something in every case, so that the time does not tell which names there are.
  const right = sameSecret(form.get('password') ?? '', user?.password ?? randomBytes(16).toString('hex'))
  if (!user || !right || user.enabled === false)
    return showLogin(pool, request, query, { username, problem: 'Incorrect username or password.' })

  const authTime = Math.floor(pool.now() / 1000)
  const answer = grantCode(pool, read, user.username, authTime)
  answer.headers.append('set-cookie', startSession(pool, user.username, authTime))
  return answer
}

function showLogin(
  pool: Pool,
  request: Request,
  query: Parameters,
  again?: { username: string; problem: string },
): Response {
  const known = cookieOf(request, csrfCookie(pool))
  const id = known && /^[\w-]{22}$/.test(known) ? known : randomBytes(16).toString('base64url')
  const page = loginPage({
    action: `/login?${query.with({})}`,
    csrf: csrfToken(pool, id),
    username: again?.username ?? query.get('login_hint') ?? '',
    users: [...pool.users.values()].map(({ username, groups }) => ({
      username,
      groups,
      href: `/login?${query.with({ login_hint: username })}`,
    })),
    ...(again ? { problem: again.problem } : {}),
  })
  return html(again ? 401 : 200, page, [cookie(csrfCookie(pool), id, 3600)])
}

/** The token in the form belongs to the cookie of this browser, and only this process can make it. */
function csrfToken(pool: Pool, id: string): string {
  return createHmac('sha256', pool.csrfKey).update(id).digest('base64url')
}

function isOurForm(pool: Pool, request: Request, token: string | undefined): boolean {
  const origin = request.headers.get('origin')
  if (origin !== null && origin !== pool.url) return false
  const id = cookieOf(request, csrfCookie(pool))
  return id !== undefined && sameSecret(token ?? '', csrfToken(pool, id))
}
