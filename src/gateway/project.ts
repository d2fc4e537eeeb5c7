import { resolve } from 'node:path'
import type { AgentcoreGatewayConfig } from '../config.ts'
import { readBindings } from './bindings-file.ts'
import { noBindings, readJsonFile, type Bindings } from './bindings.ts'
import { readGateway, readTarget } from './definitions/read.ts'
import { documentFiles } from './document-files.ts'
import type { GatewayDefinition, TargetDefinition } from './definitions/types.ts'
import { loadCedar } from './policies/cedar.ts'
import { policyPaths, readPolicyFiles } from './policies/files.ts'
import { policiesOf } from './policies/statements.ts'
import type { Policy } from './policies/policy.ts'
import { FairleadError } from '../errors.ts'

/** What the configuration of a gateway names, read. */
export interface GatewayProject {
  gateway: GatewayDefinition
  targets: TargetDefinition[]
  bindings: Bindings
  /** Cedar's; a gateway without any lets everyone who is let in call everything. */
  policies?: Policy[]
  managed: boolean
}

/** Reads the files that a project's gateway is made of. Throws GATEWAY_DEFINITION_INVALID, GATEWAY_NOT_SUPPORTED, GATEWAY_BINDING, GATEWAY_POLICY, CEDAR_MISSING. */
export function readGatewayProject(config: AgentcoreGatewayConfig, dir: string): GatewayProject {
  const file = (name: string) => resolve(dir, name)
  const gateway = readGateway(readJsonFile(file(config.gateway)), config.gateway)
  if (gateway.policyEngineConfiguration && !config.policies)
    throw new FairleadError(
      'GATEWAY_NOT_SUPPORTED',
      `${config.gateway} has a policy engine, whose policies are not here`,
      {
        why: 'Without them the gateway here would allow what the one on AWS denies.',
        fix: "Name them in fairlead.config.ts: policies: ['policies/*.cedar']",
      },
    )
  return {
    gateway,
    ...(config.policies ? { policies: policiesOf(loadCedar(), readPolicyFiles(config.policies, dir)) } : {}),
    targets: config.targets.map((name) => readTarget(readJsonFile(file(name)), name)),
    bindings: config.bindings === undefined ? { ...noBindings, dir } : readBindings(file(config.bindings)),
    managed: config.deployAs === 'managed',
  }
}

/**
 * Every file that a project's gateway is made of here: definitions, bindings, documents with those that they refer to, and the
 * modules that are run. What is wrong with them is told when they are read; here it only makes the list shorter.
 */
export async function gatewayFiles(config: AgentcoreGatewayConfig, dir: string): Promise<string[]> {
  const { policies = [], bindings: bound } = config
  const named = [
    config.gateway,
    ...config.targets,
    ...(bound === undefined ? [] : [bound]),
    ...policyPaths(policies, dir),
  ]
  const files = named.map((name) => resolve(dir, name))
  try {
    const { bindings } = readGatewayProject(config, dir)
    const here = (name: string) => resolve(bindings.dir, name)
    for (const { handler } of Object.values(bindings.functions ?? {})) files.push(here(handler))
    for (const place of Object.values(bindings.endpoints ?? {}))
      if (typeof place !== 'string') files.push(here(place.run))
    for (const name of Object.values(bindings.s3 ?? {})) files.push(...(await filesOf(here(name))))
  } catch {
    // The definitions themselves are enough to see that they were corrected.
  }
  return [...new Set(files)]
}

async function filesOf(file: string): Promise<string[]> {
  return (await documentFiles(file).catch(() => undefined))?.paths ?? [file]
}

/** Whether a gateway takes tokens of the local authorization service. */
export function gatewayUsesAuthorization(config: AgentcoreGatewayConfig | undefined, dir: string): boolean {
  if (!config) return false
  const { gateway, bindings } = readGatewayProject(config, dir)
  const url = discoveryUrlOf(gateway)
  return url !== undefined && bindings.discoveryUrls?.[url] === 'authorization-service'
}

export function discoveryUrlOf({ authorizerConfiguration }: GatewayDefinition): string | undefined {
  const url = authorizerConfiguration?.customJWTAuthorizer.discoveryUrl
  return typeof url === 'string' ? url : undefined
}
