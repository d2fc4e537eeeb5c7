import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { buildAuthorizationService } from '../build/authorization-service.ts'
import type { Project } from '../build/project.ts'
import type { OauthConfig } from '../config.ts'
import { FairleadError } from '../errors.ts'
import { scopesOf } from '../scopes.ts'
import type { RunningCognito } from './cognito/start.ts'
import type { LocalDynamo } from './dynamodb/start.ts'
import { Service } from './fargate/service.ts'
import { findNode } from './lambda/node.ts'

interface ServiceOptions {
  project: Project
  stateDir: string
  log: (line: string) => void
  cognito: RunningCognito
  dynamo: LocalDynamo
  issuer: string
  resources: readonly string[]
}

/** The authorization service as a process from its own artifact, behind a load balancer as on AWS. */
export async function authorizationService(options: ServiceOptions): Promise<Service> {
  const { project, log, cognito, dynamo, issuer, resources } = options
  const { name, oauth = {} } = project.config
  const { scopes, baseScopes } = scopesOf(project.config)
  const client = cognito.addClient({
    clientId: 'fairlead',
    clientSecret: randomBytes(24).toString('base64url'),
    scopes: ['openid', 'email', 'profile'],
    callbackUrls: [`${issuer}/federation/callback`],
  })
  const artifact = await buildAuthorizationService(
    join(options.stateDir, 'artifacts', String(process.pid), 'authorization-service'),
  )
  return new Service({
    node: findNode(log),
    artifactDir: artifact.dir,
    tasks: 1,
    memoryMb: 512,
    env: {
      ...dynamo.env,
      // Not the secret of the tasks: what a server knows opens nothing here.
      FAIRLEAD_SECRET: randomBytes(32).toString('base64url'),
      FAIRLEAD_UPSTREAM_SECRET: client.clientSecret!,
      ...secretsOf(oauth.clients ?? []),
      FAIRLEAD_AUTHORIZATION_SERVICE: JSON.stringify({
        issuer,
        resources: resources.map((resource) => ({ resource, name, scopes })),
        baseScopes,
        alg: oauth.alg,
        clients: oauth.clients,
        upstream: { issuer: cognito.issuer, clientId: client.clientId, clientSecretEnv: 'FAIRLEAD_UPSTREAM_SECRET' },
        trustedHops: 1,
        // Every client of a laptop comes from one address.
        registrationsPerHour: 1000,
        allowLocalMetadata: true,
      }),
    },
    log,
    healthCheck: { path: '/healthz', intervalMs: 5000, healthyCount: 2, unhealthyCount: 2 },
    deregistrationDelayS: 5,
    stopTimeoutS: 5,
    startTimeoutMs: 15_000,
  })
}

/** The secrets of clients that are known beforehand, from this process's own environment. Throws CONFIG_INVALID. */
function secretsOf(clients: NonNullable<OauthConfig['clients']>): Record<string, string> {
  return Object.fromEntries(
    clients.flatMap(({ secretEnv }) => (secretEnv === undefined ? [] : [[secretEnv, secretOf(secretEnv)]])),
  )
}

/** Throws CONFIG_INVALID when it is not set. */
export function secretOf(name: string): string {
  const secret = process.env[name]
  if (secret) return secret
  throw new FairleadError('CONFIG_INVALID', `The variable ${name}, which \`oauth.clients\` names, is not set`, {
    why: 'It holds the secret of a client, which does not stand in the configuration.',
    fix: `Set it: ${name}=… fairlead dev`,
  })
}
