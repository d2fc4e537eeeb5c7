import { randomBytes } from 'node:crypto'

/** What a session's process sees: nothing of the user's own environment but the way to find programs. */
export function sessionEnvironment(region: string): Record<string, string> {
  return {
    LANG: 'en_US.UTF-8',
    TZ: ':UTC',
    AWS_REGION: region,
    AWS_DEFAULT_REGION: region,
    // Of a role that exists nowhere: an AWS client can sign with it, and no real service takes it.
    AWS_ACCESS_KEY_ID: `ASIALOCAL${randomBytes(6).toString('hex').toUpperCase()}`,
    AWS_SECRET_ACCESS_KEY: randomBytes(30).toString('base64'),
    AWS_SESSION_TOKEN: randomBytes(60).toString('base64'),
  }
}
