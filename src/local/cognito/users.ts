import { randomBytes, randomUUID } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { FairleadConfig } from '../../config.ts'
import { scopesOf } from '../../scopes.ts'
import type { LocalUser } from '../state.ts'
import type { PoolUser } from './pool.ts'

type ScopeConfig = Pick<FairleadConfig, 'name' | 'scopes' | 'baseScopes'>
type KeptUser = Pick<PoolUser, 'username' | 'password' | 'sub'>

const names = ['ada', 'grace']

/**
 * The users of a project: `ada`, in the groups that give nothing beyond the base scopes, and `grace`, in all groups.
 * Passwords are made once and kept in users.json (mode 0600); delete the file to have new ones.
 */
export function makeUsers(stateDir: string, config: ScopeConfig): PoolUser[] {
  return loadUsers(stateDir).map((user) => ({
    ...user,
    email: `${user.username}@example.com`,
    groups: groupsOf(user.username, config),
  }))
}

function loadUsers(stateDir: string): KeptUser[] {
  const file = join(stateDir, 'users.json')
  try {
    const kept = JSON.parse(readFileSync(file, 'utf8')) as KeptUser[]
    if (kept.length === names.length && kept.every((each) => each.username && each.password && each.sub)) return kept
  } catch {
    // none yet, or not readable: make them
  }
  const made = names.map((username) => ({
    username,
    password: randomBytes(18).toString('base64url'),
    sub: randomUUID(),
  }))
  writeFileSync(file, `${JSON.stringify(made, null, 2)}\n`, { mode: 0o600 })
  return made
}

function groupsOf(username: string, config: ScopeConfig): string[] {
  const { scopes, baseScopes } = scopesOf(config)
  const all = [...new Set(Object.values(scopes).flatMap(({ groups }) => groups ?? []))]
  if (username !== 'ada') return all
  const gives = (group: string) => Object.keys(scopes).filter((key) => scopes[key]!.groups?.includes(group))
  return all.filter((group) => gives(group).every((key) => baseScopes.includes(key)))
}

/** Says which scopes the members of these groups get, as they stand on the wire: `name/key`. */
export function scopesOfGroups(groups: readonly string[], config: ScopeConfig): string[] {
  const { name } = config
  return Object.entries(scopesOf(config).scopes)
    .filter(([, scope]) => !scope.groups || scope.groups.some((group) => groups.includes(group)))
    .map(([key]) => `${name}/${key}`)
}

/** Writes users as they stand in .fairlead/local.json, with the scopes that their groups give. */
export function localUsers(users: readonly PoolUser[], config: ScopeConfig): LocalUser[] {
  return users.map(({ username, password, groups }) => ({
    username,
    password,
    scopes: scopesOfGroups(groups, config),
  }))
}
