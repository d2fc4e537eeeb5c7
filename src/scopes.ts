import type { FairleadConfig, Scope } from './config.ts'

export interface Scopes {
  scopes: Record<string, Scope>
  baseScopes: string[]
}

/**
 * Says which scopes a configuration has, with what it leaves out: no `scopes` is one for everyone who signs in, `use`;
 * no `baseScopes` is those for everyone, else the first. A sign-in gives at least one scope, so there must be one to ask for.
 */
export function scopesOf({ name, scopes, baseScopes }: Pick<FairleadConfig, 'name' | 'scopes' | 'baseScopes'>): Scopes {
  const all = scopes && Object.keys(scopes).length > 0 ? scopes : { use: { description: `Use ${name}` } }
  if (baseScopes && baseScopes.length > 0) return { scopes: all, baseScopes }
  const open = Object.keys(all).filter((key) => all[key]!.groups === undefined)
  return { scopes: all, baseScopes: open.length > 0 ? open : Object.keys(all).slice(0, 1) }
}
