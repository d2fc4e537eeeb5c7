export type Challenge = { scheme: 'basic' } | { scheme: 'bearer'; realm: string; service?: string; scope?: string }

/**
 * Reads the `WWW-Authenticate` of a registry: Basic, as ECR has it, or Bearer with the address of a token service.
 * @see https://distribution.github.io/distribution/spec/auth/token/
 */
export function readChallenge(header: string | null): Challenge | undefined {
  const [, scheme = '', rest = ''] = /^\s*([a-z]+)\s*(.*)$/is.exec(header ?? '') ?? []
  if (scheme.toLowerCase() === 'basic') return { scheme: 'basic' }
  if (scheme.toLowerCase() !== 'bearer') return undefined
  const parameters = new Map<string, string>()
  for (const [, name = '', quoted, bare = ''] of rest.matchAll(/([a-z]+)\s*=\s*(?:"([^"]*)"|([^\s,]+))/gi))
    parameters.set(name.toLowerCase(), quoted ?? bare)
  const [realm, service, scope] = ['realm', 'service', 'scope'].map((name) => parameters.get(name))
  if (realm === undefined) return undefined
  return { scheme: 'bearer', realm, ...(service ? { service } : {}), ...(scope ? { scope } : {}) }
}
