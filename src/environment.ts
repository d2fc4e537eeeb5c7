import type { FairleadConfig } from './config.ts'
import { FairleadError } from './errors.ts'
import { nearest } from './nearest.ts'

/** One deployment of a project: where it goes, and its configuration. */
export interface Environment {
  name: string
  /** Absent without `environments`: then the credentials say it. */
  account?: string
  region?: string
  /** With the environment's part merged in. */
  config: FairleadConfig
}

/**
 * Finds the environment that a command is about: the one that is named, the only one there is, or `default` where the
 * configuration has none. Throws USAGE.
 */
export function environmentOf(config: FairleadConfig, given?: string): Environment {
  const { environments, ...base } = config
  const names = Object.keys(environments ?? {})
  if (!environments || names.length === 0) {
    if (given === undefined || given === 'default') return { name: 'default', config }
    throw new FairleadError('USAGE', `There is no environment ${given}: the configuration has none`, {
      fix: `Write environments: { ${given}: { account: '111122223333', region: 'us-east-1' } }, or leave --env out.`,
    })
  }
  const name = given ?? (names.length === 1 ? names[0]! : undefined)
  if (name === undefined)
    throw new FairleadError('USAGE', `Which environment? There are ${names.join(', ')}`, {
      why: 'More than one is in the configuration.',
      fix: `--env ${names[0]}`,
    })
  if (!Object.hasOwn(environments, name)) {
    const meant = nearest(name, names)
    throw new FairleadError('USAGE', `There is no environment ${name}${meant ? `; did you mean ${meant}?` : ''}`, {
      why: `The configuration has ${names.join(', ')}.`,
      fix: `--env ${meant ?? names[0]}`,
    })
  }
  const { account, region, config: part = {} } = environments[name]!
  return { name, account, region, config: merge(base, part) }
}

/** Refuses another region than that of an environment which has one. Throws USAGE. */
export function refuseOtherRegion({ name, region }: Pick<Environment, 'name' | 'region'>, given?: string): void {
  if (given === undefined || region === undefined || given === region) return
  throw new FairleadError('USAGE', `The environment ${name} is in ${region}, not in ${given}`, {
    fix: 'Leave --region out, or use another environment: --env NAME',
  })
}

/** Puts one value over another: objects key by key, everything else whole; so is a server, whose kind says its keys. */
export function merge<T>(base: T, over: unknown): T {
  if (!isPlain(base) || !isPlain(over) || 'kind' in over) return over as T
  const keys = new Set([...Object.keys(base), ...Object.keys(over)])
  return Object.fromEntries([...keys].map((key) => [key, key in over ? merge(base[key], over[key]) : base[key]])) as T
}

function isPlain(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
