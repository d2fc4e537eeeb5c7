import { FairleadError } from '../../errors.ts'
import type { CognitoSwitches } from './pool.ts'

/**
 * Checks a callback or logout URL as CreateUserPoolClient does: HTTPS, `http://localhost`, or an app's own scheme, and
 * no fragment. Unlike Cognito it takes `http://127.0.0.1` as well. Throws CONFIG_INVALID.
 * @see https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_CreateUserPoolClient.html CallbackURLs
 */
export function checkCallback(url: string, switches: CognitoSwitches): void {
  if (isAllowedUri(url, switches)) return
  throw new FairleadError('CONFIG_INVALID', `${url} is no callback URL for Cognito`, {
    why: 'Cognito takes https URLs, http://localhost, and schemes of apps; none with a fragment.',
    fix: 'Use https, or http://localhost:PORT/…',
  })
}

/** The rule for callbacks and for `resource` alike. */
export function isAllowedUri(text: string, switches: CognitoSwitches): boolean {
  const parsed = URL.canParse(text) ? new URL(text) : undefined
  if (!parsed || text.includes('#') || text !== text.trim()) return false
  if (['javascript:', 'data:', 'file:', 'blob:', 'vbscript:', 'about:'].includes(parsed.protocol)) return false
  if (parsed.protocol === 'http:') {
    const named = /^http:\/\/([^/:?]+)(?=[/:?]|$)/.exec(text)?.[1]
    return named === 'localhost' || (named === '127.0.0.1' && !switches.localhostOnly)
  }
  return parsed.protocol === 'https:' ? /^https:\/\/[^/]/.test(text) : /^[a-z][a-z0-9+.-]*:\/\//i.test(text)
}
