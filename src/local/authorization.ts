import { randomBytes } from 'node:crypto'
import type { Project } from '../build/project.ts'
import type { FairleadConfig } from '../config.ts'
import { localAccount } from '../platforms.ts'
import { scopesOf } from '../scopes.ts'
import { authorizationService, secretOf } from './authorization-service.ts'
import { startCognito, type RunningCognito } from './cognito/start.ts'
import { localUsers, makeUsers } from './cognito/users.ts'
import { startLocalDynamo, type LocalDynamo } from './dynamodb/start.ts'
import { startLoadBalancer, type Exchange, type LoadBalancer } from './fargate/load-balancer.ts'
import type { Service } from './fargate/service.ts'
import type { Faults } from './faults.ts'
import { errorInLocation, keptSignIn } from './keep-sign-in.ts'
import type { RequestLog } from './requests.ts'
import type { LocalUser } from './state.ts'

export interface AuthorizationOptions {
  project: Project
  stateDir: string
  /** Of the authorization service and of the Cognito stand-in; 0 takes free ones. */
  ports: { service: number; cognito: number }
  /** How many platforms will ask to be guarded. */
  guarded: number
  requests: RequestLog
  /** What is broken on purpose. */
  faults?: Faults
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
  const direct = project.config.oauth?.verifier === 'cognito'
  try {
    const open = async <T extends { close(): Promise<void> }>(work: Promise<T>): Promise<T> => {
      const value = await work
      started.push(value)
      return value
    }
    const outcomes = await Promise.allSettled([
      open(
        startCognito({
          port: ports.cognito,
          region,
          users,
          ...(direct ? { around: (handler) => keptSignIn('cognito', handler, options.requests) } : {}),
        }),
      ),
      open(startLocalDynamo(region)),
      open(
        startLoadBalancer({
          port: ports.service,
          targets: () => service?.targets() ?? [],
          ...(options.faults ? { faults: options.faults } : {}),
          onEnd: (exchange) => keepExchange(exchange, options.requests),
        }),
      ),
    ])
    for (const each of outcomes) if (each.status === 'rejected') throw each.reason
    const [cognito, dynamo, balancer] = outcomes.map((each) => (each as PromiseFulfilledResult<unknown>).value) as [
      RunningCognito,
      LocalDynamo,
      LoadBalancer,
    ]
    const secret = randomBytes(32).toString('base64url')
    const issuer = direct ? cognito.issuer : balancer.url
    const resources: string[] = []
    let begin: () => void
    const announced = new Promise<void>((resolve) => (begin = resolve))
    if (direct) addAppClients(cognito, project.config)
    const ready = announced.then(async () => {
      if (direct) return
      service = await authorizationService({ ...options, cognito, dynamo, issuer, resources })
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

/** The app clients of `oauth.clients`, in the pool: with `verifier: 'cognito'` people sign in there themselves. */
function addAppClients(cognito: RunningCognito, { name, ...config }: FairleadConfig): void {
  const custom = Object.keys(scopesOf({ name, ...config }).scopes).map((key) => `${name}/${key}`)
  for (const { id, redirectUris, secretEnv } of config.oauth?.clients ?? [])
    cognito.addClient({
      clientId: id,
      ...(secretEnv === undefined ? {} : { clientSecret: secretOf(secretEnv) }),
      callbackUrls: redirectUris ?? [],
      flows: secretEnv === undefined ? ['code'] : ['code', 'client_credentials'],
      scopes: ['openid', 'email', 'profile', ...custom],
    })
}

/** What clients did here says how far their sign-in came. Health checks do not pass the load balancer. */
function keepExchange(exchange: Exchange, requests: RequestLog): void {
  const { traceId, body, target, rawHeaders, answerHeaders, answerBody, ...facts } = exchange
  const answer = exchange.status >= 400 ? { answer: { headers: answerHeaders, body: answerBody } } : {}
  const why = errorInLocation(answerHeaders)
  const id = { id: traceId, platform: 'authorization-service', ...(why === undefined ? {} : { why }) }
  requests.keep({ ...id, ...facts }, { target, rawHeaders, body, ...answer })
}
