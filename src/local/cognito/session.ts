import { randomBytes } from 'node:crypto'
import type { Pool } from './pool.ts'

/** Cookies of one host go to all its ports, so their names carry the port. */
export function sessionCookie({ url }: Pool): string {
  return `cognito-${new URL(url).port}`
}

export function csrfCookie({ url }: Pool): string {
  return `XSRF-TOKEN-${new URL(url).port}`
}

/** Managed login remembers a browser for an hour. */
const sessionS = 3600

/** Starts a session; gives back the cookie that carries it. */
export function startSession(pool: Pool, username: string, authTime: number): string {
  const id = randomBytes(32).toString('base64url')
  pool.sessions.set(id, { username, authTime }, sessionS)
  return cookie(sessionCookie(pool), id, sessionS)
}

/** Writes a cookie that scripts cannot read and that other sites' requests do not carry. No `Secure`: this is plain HTTP on loopback. */
export function cookie(name: string, value: string, seconds: number): string {
  return `${name}=${value}; Path=/; Max-Age=${seconds}; HttpOnly; SameSite=Lax`
}
