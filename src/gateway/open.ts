import type { Credentials } from '../auth/sigv4/credentials.ts'
import { secretsOf, type Bindings } from './bindings.ts'
import type { GatewayDefinition, TargetDefinition } from './definitions/types.ts'
import { FairleadError } from '../errors.ts'
import { localAccount } from '../platforms.ts'
import { createGateway, type Gateway, type GatewayOptions } from './gateway.ts'
import { loadTarget } from './load.ts'
import { PolicyEngine } from './policies/engine.ts'
import { loadCedar } from './policies/cedar.ts'
import { policyPortability, tooWide } from './policies/portability.ts'
import type { Policy } from './policies/policy.ts'
import { portability, managedLimits, type Finding } from './portability.ts'
import { bedrockEmbedder, bedrockRuntime } from './search/bedrock.ts'
import { byEmbeddings } from './search/embeddings.ts'
import type { MakeRanker } from './search/search-tool.ts'
import { gatewayIdOf, type InvokeFunction } from './targets/lambda.ts'
import type { Target } from './tool.ts'

export interface OpenGatewayOptions extends Omit<GatewayOptions, 'definition' | 'targets' | 'policies'> {
  gateway: GatewayDefinition
  targets: readonly TargetDefinition[]
  bindings: Bindings
  invoke: InvokeFunction
  /** Cedar's; `gatewayArn` is the resource that they name. */
  policies?: readonly Policy[]
  gatewayArn?: string
  /** Of the gateway's role. */
  roleCredentials: () => Promise<Credentials>
  region: string
  /** Where an origin really is; from the bindings when absent. */
  locate?: (origin: string) => string | undefined
  env?: NodeJS.ProcessEnv
  /** It runs on AWS, as a role that AWS knows. */
  onAws?: boolean
  /** What Secrets Manager gave, by `secretKey`. */
  secrets?: ReadonlyMap<string, string>
  managed?: boolean
}

/**
 * Opens a gateway over its definitions: makes the targets, and asks the MCP servers for their tools. One that does not answer
 * is told in the log and asked again when somebody lists; the others work, and nobody waits for it longer than five seconds. Throws what loading a target throws.
 */
export async function openGateway(options: OpenGatewayOptions): Promise<Gateway> {
  const { gateway, targets: definitions, bindings, env = process.env, changes, log = () => {} } = options
  refuseTwins(definitions)
  const locate = options.locate ?? ((origin: string) => boundEndpoint(bindings, origin))
  const secrets = {
    ...secretsOf(bindings, env, options.secrets),
    roleCredentials: options.roleCredentials,
    region: options.region,
  }
  const targets: Target[] = []
  let policies: PolicyEngine | undefined
  try {
    for (const definition of definitions)
      targets.push(
        await loadTarget(definition, {
          bindings,
          secrets,
          invoke: options.invoke,
          gatewayId: gatewayIdOf(gateway.name),
          locate,
          warn: log,
          ...(options.managed ? { managed: true } : {}),
          ...(changes ? { changed: (kind) => changes.tell(kind) } : {}),
        }),
      )
    const synchronized = Promise.all(
      targets.map((target) =>
        target.synchronize().catch((error: unknown) => {
          log(`${target.name} could not be synchronized: ${error instanceof Error ? error.message : String(error)}`)
        }),
      ),
    )
    await inTime(synchronized, startMs)
    const ranker = options.ranker ?? rankerOf(options, locate)
    policies = await policiesOf(options, targets)
    const { policies: _statements, ...rest } = options
    const made = createGateway({
      ...rest,
      definition: gateway,
      targets,
      ...(ranker ? { ranker } : {}),
      ...(policies ? { policies } : {}),
    })
    return {
      ...made,
      close: async () => {
        await made.close()
        policies?.close()
      },
    }
  } catch (error) {
    policies?.close()
    await Promise.all(targets.map((target) => target.close()))
    throw error
  }
}

async function policiesOf(
  { policies, gateway, region, gatewayArn, managed, onAws, log }: OpenGatewayOptions,
  targets: readonly Target[],
): Promise<PolicyEngine | undefined> {
  if (!policies) return undefined
  const [wide] = managed ? tooWide(loadCedar(), policies) : []
  if (wide) throw new FairleadError('GATEWAY_NOT_PORTABLE', `${wide.where}: it ${wide.problem}`)
  return PolicyEngine.open({
    policies,
    mode: gateway.policyEngineConfiguration?.mode ?? 'ENFORCE',
    gatewayArn: gatewayArn ?? ownGatewayArn(gateway.name, region),
    targets,
    ...(onAws ? { lenient: true } : {}),
    ...(log ? { log } : {}),
  })
}

/** The name of a gateway that AWS does not manage: what its policies have as their resource. */
function ownGatewayArn(name: string, region: string): string {
  return `arn:aws:bedrock-agentcore:${region}:${localAccount.accountId}:gateway/${gatewayIdOf(name)}`
}

/** How the bindings want tools to be found, when they say it. Here that needs an endpoint: nothing of AWS is called unasked. */
function rankerOf(
  { bindings: { embeddings }, region, roleCredentials, onAws = false, env = {}, log = () => {} }: OpenGatewayOptions,
  locate: (origin: string) => string | undefined,
): MakeRanker | undefined {
  if (!embeddings) return undefined
  const own = { region: embeddings.region ?? region, credentials: roleCredentials }
  const origin = bedrockRuntime(own.region)
  const endpoint = locate(origin) ?? (onAws ? (env.AWS_ENDPOINT_URL_BEDROCK_RUNTIME ?? origin) : undefined)
  if (endpoint !== undefined) return byEmbeddings(bedrockEmbedder(embeddings, { ...own, endpoint }), { warn: log })
  log(`search goes by words alone here, since the bindings do not say where ${origin} is; deployed it asks Bedrock`)
  return undefined
}

/** Lambda gives a function ten seconds to start; a target that needs longer is waited for when somebody lists. */
const startMs = 5000

async function inTime(work: Promise<unknown>, ms: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise((resolve) => {
    timer = setTimeout(resolve, ms)
  })
  await Promise.race([work, late])
  clearTimeout(timer)
}

/** Lists what the managed service would refuse of all of it. */
export async function preflight(
  definitions: readonly TargetDefinition[],
  bindings: Bindings,
  policies?: readonly Policy[],
): Promise<Finding[]> {
  refuseTwins(definitions)
  const findings = await Promise.all(definitions.map((definition) => portability(definition, bindings)))
  const many = definitions.length > managedLimits.targets
  return [
    ...(many
      ? [
          {
            target: '',
            where: 'the gateway',
            problem: `has ${definitions.length} targets; the service takes 100`,
            refused: true,
          },
        ]
      : []),
    ...findings.flat(),
    ...(policies ? await policyPortability(policies, definitions, bindings) : []),
  ]
}

function refuseTwins(definitions: readonly TargetDefinition[]): void {
  const names = definitions.map(({ name }) => name)
  const twin = names.find((name, at) => names.indexOf(name) !== at)
  if (twin !== undefined)
    throw new FairleadError('GATEWAY_DEFINITION_INVALID', `Two targets have the name ${twin}`, {
      fix: 'Give each target a name of its own.',
    })
}

/** Where an origin is, when the bindings say so with an address. */
export function boundEndpoint({ endpoints = {} }: Bindings, origin: string): string | undefined {
  const found = Object.hasOwn(endpoints, origin) ? endpoints[origin] : undefined
  return typeof found === 'string' ? found : undefined
}
