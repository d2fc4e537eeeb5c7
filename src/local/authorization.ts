import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { buildAuthorizationService } from '../build/authorization-service.ts'
import type { Project } from '../build/project.ts'
import { localAccount } from '../platforms.ts'
import { scopesOf } from '../scopes.ts'
import { startCognito, type RunningCognito } from './cognito/start.ts'
import { localUsers, makeUsers } from './cognito/users.ts'
import { startLocalDynamo, type LocalDynamo } from './dynamodb/start.ts'
import { startLoadBalancer, type LoadBalancer } from './fargate/load-balancer.ts'
import { Service } from './fargate/service.ts'
import { findNode } from './lambda/node.ts'
import type { LocalUser } from './state.ts'

export interface AuthorizationOptions {
  project: Project
  stateDir: string
  /** Of the authorization service and of the Cognito stand-in; 0 takes free ones. */
  ports: { service: number; cognito: number }
  /** How many platforms will ask to be guarded. */
  guarded: number
  log: (line: string) => void
}

/** What guards the platforms with OAuth, here: Cognito's stand-in, our authorization service in front of it, and the table that all share. */
export interface Authorization {
  issuer: string
  users: LocalUser[]
  /** Announces a resource, and gives the environment of a process that serves it. */
  guard(resource: string): Record<string, string>
  /** Resolves when the authorization service answers. It starts when every platform has announced itself. */
  ready: Promise<void>
  close(): Promise<void>
}

/** Starts the Cognito stand-in, the table and the address of the authorization service; the service itself when its resources are known. */
export async function startAuthorization(options: AuthorizationOptions): Promise<Authorization> {
  const { project, ports } = options
  const { region } = localAccount
  const users = makeUsers(options.stateDir, project.config)
  const started: { close(): Promise<void> }[] = []
  const close = async () => {
    for (const each of started.toReversed()) await each.close()
  }
  let service: Service | undefined
  try {
    const open = async <T extends { close(): Promise<void> }>(work: Promise<T>): Promise<T> => {
      const value = await work
      started.push(value)
      return value
    }
    const outcomes = await Promise.allSettled([
      open(startCognito({ port: ports.cognito, region, users })),
      open(startLocalDynamo(region)),
      open(startLoadBalancer({ port: ports.service, targets: () => service?.targets() ?? [] })),
    ])
    for (const each of outcomes) if (each.status === 'rejected') throw each.reason
    const [cognito, dynamo, balancer] = outcomes.map((each) => (each as PromiseFulfilledResult<unknown>).value) as [
      RunningCognito,
      LocalDynamo,
      LoadBalancer,
    ]
    const secret = randomBytes(32).toString('base64url')
    const issuer = project.config.oauth?.verifier === 'cognito' ? cognito.issuer : balancer.url
    const resources: string[] = []
    let begin: () => void
    const announced = new Promise<void>((resolve) => (begin = resolve))
    const ready = announced.then(async () => {
      service = await serviceOf(options, { cognito, dynamo, issuer: balancer.url, resources, secret })
      started.push({ close: () => service!.close() })
      await service.start()
    })
    ready.catch(() => {})
    return {
      issuer,
      users: localUsers(users, project.config),
      guard: (resource) => {
        resources.push(resource)
        if (resources.length === options.guarded) begin()
        return {
          ...dynamo.env,
          FAIRLEAD_OAUTH: JSON.stringify({ resource, issuer }),
          FAIRLEAD_SECRET: secret,
        }
      },
      ready,
      close,
    }
  } catch (error) {
    await close()
    throw error
  }
}

interface Parts {
  cognito: RunningCognito
  dynamo: LocalDynamo
  issuer: string
  resources: readonly string[]
  secret: string
}

/** The authorization service as a process from its own artifact, behind a load balancer as on AWS. */
async function serviceOf(options: AuthorizationOptions, parts: Parts): Promise<Service> {
  const { project, log } = options
  const { name, oauth = {} } = project.config
  const { scopes, baseScopes } = scopesOf(project.config)
  const { cognito, dynamo, issuer, resources, secret } = parts
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
      FAIRLEAD_SECRET: secret,
      FAIRLEAD_UPSTREAM_SECRET: client.clientSecret!,
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
