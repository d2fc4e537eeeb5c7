import { resolve } from 'node:path'
import type { AgentcoreGatewayConfig } from '../config.ts'
import { readBindings } from './bindings-file.ts'
import { noBindings, readJsonFile, type Bindings } from './bindings.ts'
import { readGateway, readTarget } from './definitions/read.ts'
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
