import { cookieOf, json, queryOf, redirect } from './answers.ts'
import { errorPage, html } from './page.ts'
import type { Pool } from './pool.ts'
import { cookie, sessionCookie } from './session.ts'

/**
 * Answers GET /logout: ends the browser's session, then leads to `logout_uri`, or back to signing in with `redirect_uri`.
 * @see https://docs.aws.amazon.com/cognito/latest/developerguide/logout-endpoint.html
 */
export function logout(pool: Pool, request: Request): Response {
  if (request.method !== 'GET') return json(405, { error: 'invalid_request' }, { allow: 'GET' })
  const query = queryOf(request)
  const client = pool.clients.get(query.get('client_id') ?? '')
  if (!client || query.repeated.length > 0) return html(400, errorPage('invalid_request'))
  const logoutUri = query.get('logout_uri')
  const redirectUri = query.get('redirect_uri')
  if (logoutUri === undefined && redirectUri === undefined) return html(400, errorPage('invalid_request'))
  const allowed =
    logoutUri === undefined ? client.callbackUrls.includes(redirectUri!) : client.logoutUrls.includes(logoutUri)
  if (!allowed) return html(400, errorPage('redirect_mismatch'))
  pool.sessions.delete(cookieOf(request, sessionCookie(pool)) ?? '')
  return redirect(logoutUri ?? `${pool.url}/login?${query.with({})}`, [cookie(sessionCookie(pool), '', 0)])
}
