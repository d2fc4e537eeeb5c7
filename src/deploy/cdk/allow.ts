import { Effect, PolicyStatement, type Role } from 'aws-cdk-lib/aws-iam'
import type { FairleadConfig } from '../../config.ts'
import { acknowledge } from './acknowledge.ts'

/** Lets a role do something. A resource that cannot be named whole comes with the reason. */
export function allow(
  role: Role,
  { sid, actions, resources, wide }: { sid?: string; actions: string[]; resources: string[]; wide?: string },
): void {
  role.addToPolicy(new PolicyStatement({ ...(sid ? { sid } : {}), effect: Effect.ALLOW, actions, resources }))
  if (wide === undefined) return
  const stars = (kind: string, all: string[]) =>
    all.filter((each) => each.includes('*')).map((each) => [`IAM5[${kind}::${each}]`, wide])
  acknowledge(
    role,
    Object.fromEntries([...stars('Action', actions), ...stars('Resource', resources)]) as Record<string, string>,
  )
}

/** Lets a role do what the configuration says. */
export function allowConfigured(role: Role, { permissions = [] }: FairleadConfig): void {
  for (const each of permissions) allow(role, { ...each, wide: '`permissions` of fairlead.config.ts says so.' })
}
