import { cloudFormation, type Stack } from './cloudformation.ts'
import { s3 } from './s3.ts'
import { AwsError, serve, type Call, type Faults, type Identity } from './server.ts'
import {
  agentcoreControl,
  cloudControl,
  ecr,
  lambda,
  permit,
  logs,
  ssm,
  secretsManager,
  serviceQuotas,
  sts,
  type LogLine,
} from './services.ts'

export const account = '111122223333'
export const region = 'eu-central-1'
/** What ECR gives for its registry. */
export const registryPassword = 'registry-password-of-the-fake'

export interface FakeAws {
  url: string
  /** What a process is given, so that it speaks with this AWS and with no other. */
  env: Record<string, string>
  log: Call[]
  /** What differs from AWS's own models, of requests and of answers. */
  faults: string[]
  stacks: Map<string, Stack>
  buckets: Map<string, Map<string, Buffer>>
  parameters: Map<string, string>
  logGroups: Map<string, LogLine[]>
  functionPolicies: Parameters<typeof lambda>[0]
  resourcePolicies: Map<string, string>
  /** Credential providers of AgentCore Identity: `apikey/NAME`, `oauth2/NAME`. */
  credentialProviders: Set<string>
  /** Ids of gateways of AgentCore. */
  gateways: Set<string>
  /** Names of secrets. */
  secrets: Set<string>
  /** Why a resource fails, by logical id or type. */
  failing: Map<string, string>
  /** Outputs that a test decides on, by stack. */
  outputs: Map<string, Record<string, string>>
  switches: Faults
  /** Stops before a resource of that id or type is made; resolves when it is reached, with what lets it go on. */
  hold(what: string): Promise<() => void>
  /** Resolves when it is so, looking again after each change. */
  until(so: () => boolean): Promise<void>
  close(): Promise<void>
}

/** `apikey` or `oauth2`, of a credential provider of AgentCore Identity. */
function providerKind(type: string): string | undefined {
  return /::(ApiKey|OAuth2)CredentialProvider$/.exec(type)?.[1]!.toLowerCase()
}

/** Starts an AWS of our own on a free port: one account, bootstrapped in its region and in us-east-1 unless told otherwise. */
export async function startFakeAws({
  bootstrapped = [region, 'us-east-1'],
}: { bootstrapped?: readonly string[] } = {}): Promise<FakeAws> {
  const bucketOf = (where: string) => `cdk-hnb659fds-assets-${account}-${where}`
  const version = '/cdk-bootstrap/hnb659fds/version'
  const identities = new Map<string, Identity>([
    ['AKIAFAKEAWS000000001', { accessKeyId: 'AKIAFAKEAWS000000001', secretAccessKey: 'fake-secret', account, arn: `arn:aws:iam::${account}:user/ada` }], // prettier-ignore
  ])
  const buckets = new Map<string, Map<string, Buffer>>()
  const parameters = new Map<string, string>()
  const bootstrap = (where: string) => {
    buckets.set(bucketOf(where), new Map())
    parameters.set(`${where}${version}`, '30')
  }
  for (const each of bootstrapped) bootstrap(each)
  const stacks = new Map<string, Stack>()
  const failing = new Map<string, string>()
  const outputs = new Map<string, Record<string, string>>()
  const held = new Map<string, { reached: () => void; free: Promise<void> }>()
  const waiting = new Set<{ so: () => boolean; resolve: () => void }>()
  const switches: Faults = {
    throttled: new Map(),
    dropped: new Map(),
    denied: new Set(),
    expired: false,
    unreserved: 1000,
    quotas: new Map(),
    others: new Map(),
  }
  const changed = () => {
    for (const { name, id, status } of stacks.values()) {
      const where = id.split(':')[3]!
      if (name === 'CDKToolkit' && status === 'CREATE_COMPLETE' && !buckets.has(bucketOf(where))) bootstrap(where)
    }
    for (const each of waiting) {
      if (!each.so()) continue
      waiting.delete(each)
      each.resolve()
    }
  }
  const functionPolicies: FakeAws['functionPolicies'] = new Map()
  const resourcePolicies = new Map<string, string>()
  const credentialProviders = new Set<string>()
  const secrets = new Set<string>()
  const memories = new Set<string>()
  const gateways = new Set<string>()
  const logGroups = new Map<string, LogLine[]>()
  const wire = await serve({
    identities,
    switches,
    heard: changed,
    services: {
      sts: { client: 'sts', protocol: 'query', namespace: 'https://sts.amazonaws.com/doc/2011-06-15/', answers: sts(identities, () => buckets.size > 0) }, // prettier-ignore
      ecr: { client: 'ecr', protocol: 'json', answers: ecr(registryPassword) },
      ssm: { client: 'ssm', protocol: 'json', answers: ssm(parameters) },
      s3: s3(buckets),
      servicequotas: { client: 'service-quotas', protocol: 'json', answers: serviceQuotas(switches.quotas) },
      cloudcontrolapi: { client: 'cloudcontrol', protocol: 'json', answers: cloudControl(switches.others) },
      lambda: { client: 'lambda', protocol: 'rest', answers: lambda(functionPolicies, () => switches.unreserved) },
      logs: { client: 'cloudwatch-logs', protocol: 'json', answers: logs(logGroups) },
      'bedrock-agentcore': { client: 'bedrock-agentcore-control', protocol: 'rest', answers: agentcoreControl(resourcePolicies, { providers: credentialProviders, memories, gateways }) }, // prettier-ignore
      secretsmanager: { client: 'secrets-manager', protocol: 'json', answers: secretsManager(secrets) },
      cloudformation: {
        client: 'cloudformation',
        protocol: 'query',
        namespace: 'http://cloudformation.amazonaws.com/doc/2010-05-15/',
        answers: cloudFormation(stacks, {
          home: region,
          objects: (name, key) => {
            const found = buckets.get(name)?.get(key)
            if (!found) throw new AwsError('ValidationError', `S3 error: Access Denied (${name}/${key})`)
            return found.toString('utf8')
          },
          failing,
          made: ({ type, physicalId }, properties) => {
            if (type === 'AWS::Lambda::Function' && !functionPolicies.has(physicalId))
              functionPolicies.set(physicalId, [])
            if (type === 'AWS::Logs::LogGroup' && !logGroups.has(physicalId)) logGroups.set(physicalId, [])
            if (type === 'AWS::Lambda::Permission') permit(functionPolicies, physicalId, properties)
            if (providerKind(type)) credentialProviders.add(`${providerKind(type)}/${physicalId}`)
            if (type === 'AWS::BedrockAgentCore::Gateway') gateways.add(physicalId)
            if (type === 'AWS::BedrockAgentCore::Memory') memories.add(`${properties['Name']}-AbCdEfGhIj`)
            if (type === 'AWS::BedrockAgentCore::ResourcePolicy') resourcePolicies.set(properties['ResourceArn']!, properties['Policy']!) // prettier-ignore
          },
          gone: ({ type, physicalId }) => {
            if (type === 'AWS::Logs::LogGroup') logGroups.delete(physicalId)
            if (type === 'AWS::BedrockAgentCore::Gateway') gateways.delete(physicalId)
            if (providerKind(type)) credentialProviders.delete(`${providerKind(type)}/${physicalId}`)
          },
          outputs,
          changed,
          gate: async (id, type) => {
            const each = held.get(id) ?? held.get(type)
            if (!each) return
            each.reached()
            await each.free
          },
        }),
      },
    },
  })
  return {
    url: wire.url,
    env: {
      AWS_ENDPOINT_URL: wire.url,
      AWS_REGION: region,
      AWS_ACCESS_KEY_ID: 'AKIAFAKEAWS000000001',
      AWS_SECRET_ACCESS_KEY: 'fake-secret',
      AWS_EC2_METADATA_DISABLED: 'true',
    },
    log: wire.log,
    faults: wire.faults,
    stacks,
    buckets,
    parameters,
    logGroups,
    functionPolicies,
    resourcePolicies,
    credentialProviders,
    gateways,
    secrets,
    failing,
    outputs,
    switches,
    hold: (what) => {
      let letGo = () => {}
      const free = new Promise<void>((resolve) => (letGo = resolve))
      return new Promise((resolve) => {
        held.set(what, {
          free,
          reached: () => {
            held.delete(what)
            resolve(letGo)
          },
        })
      })
    },
    until: (so) => (so() ? Promise.resolve() : new Promise((resolve) => waiting.add({ so, resolve }))),
    close: wire.close,
  }
}
