import { resolve } from 'node:path'
import type { AgentcoreGatewayConfig } from '../config.ts'
import { readBindings } from './bindings-file.ts'
import { noBindings, readJsonFile, type Bindings } from './bindings.ts'
import { readGateway, readTarget } from './definitions/read.ts'
import { documentFiles } from './document-files.ts'
import type { GatewayDefinition, TargetDefinition } from './definitions/types.ts'

/** What the configuration of a gateway names, read. */
export interface GatewayProject {
  gateway: GatewayDefinition
  targets: TargetDefinition[]
  bindings: Bindings
  managed: boolean
}

/** Reads the files that a project's gateway is made of. Throws GATEWAY_DEFINITION_INVALID, GATEWAY_NOT_SUPPORTED, GATEWAY_BINDING. */
export function readGatewayProject(config: AgentcoreGatewayConfig, dir: string): GatewayProject {
  const file = (name: string) => resolve(dir, name)
  return {
    gateway: readGateway(readJsonFile(file(config.gateway)), config.gateway),
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
  const named = [config.gateway, ...config.targets, ...(config.bindings === undefined ? [] : [config.bindings])]
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
