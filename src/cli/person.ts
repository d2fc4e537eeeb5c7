import { join } from 'node:path'
import { TokenStore } from '../auth/oauth-client/token-store.ts'
import { oauthFetch } from '../connect/oauth-fetch.ts'
import { tokenSource, type TokenSource } from '../connect/tokens.ts'
import { FairleadError } from '../errors.ts'
import type { LightFetch } from '../http/light-fetch.ts'
import { stateDir, type LocalState } from '../local/state.ts'
import { nearest } from '../nearest.ts'

type LocalUser = LocalState['identities']['users'][number]

/** The local user of that name, or the first. Throws IDENTITY_UNKNOWN. */
export function personOf(state: LocalState, name: string | undefined): LocalUser {
  const { users } = state.identities
  const found = name === undefined ? users[0] : users.find(({ username }) => username === name)
  if (found) return found
  const names = users.map(({ username }) => username)
  if (names.length === 0)
    throw new FairleadError('IDENTITY_UNKNOWN', 'The local stack has no users', {
      why: 'Users are there when a platform runs that OAuth guards.',
      fix: 'Add fargate to `platforms` in fairlead.config.ts and start fairlead dev again.',
    })
  throw new FairleadError('IDENTITY_UNKNOWN', `There is no user ${name}`, {
    why: 'OAuth guards this endpoint, so users of the local stack call it, not IAM identities.',
    fix: `There are: ${names.join(', ')}. Try: --as ${nearest(name!, names) ?? names[0]}`,
  })
}

/** Tokens of a local user for an endpoint, kept in .fairlead/tokens.json. */
export function personSource(
  projectDir: string,
  url: string,
  { username, password }: LocalUser,
  { identities }: LocalState,
): TokenSource {
  return tokenSource({
    url,
    username,
    password,
    store: new TokenStore(join(stateDir(projectDir), 'tokens.json')),
    ...(identities.client ? { client: identities.client } : {}),
  })
}

/** Makes the `fetch` that sends a local user's token to an endpoint. */
export function personFetch(
  state: LocalState,
  dir: string,
  url: string,
  name: string | undefined,
  send: LightFetch,
): LightFetch {
  const person = personOf(state, name)
  const { users } = state.identities
  return oauthFetch({
    fetch: send,
    source: personSource(dir, url, person, state),
    username: person.username,
    may: person.scopes,
    whoMay: (scope) => users.find(({ scopes }) => scopes.includes(scope))?.username,
  })
}
