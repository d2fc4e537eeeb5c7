import type { Role } from 'aws-cdk-lib/aws-iam'
import type { Construct } from 'constructs'
import { awsEndpoint } from '../../aws/endpoint.ts'
import type { CredentialConfiguration, GatewayDefinition, TargetDefinition } from '../../gateway/definitions/types.ts'
import { agentcoreArn, agentcoreRole, identityArns } from './agentcore-role.ts'
import type { MadeProvider } from './agentcore-credential-providers.ts'
import { allow } from './allow.ts'

/**
 * The role that a gateway works with: exactly the functions, documents and credential providers that its definitions name.
 * @see https://docs.aws.amazon.com/bedrock-agentcore/latest/devguide/gateway-prerequisites-permissions.html (read 2026-11-22)
 */
export function gatewayRole(
  scope: Construct,
  gateway: GatewayDefinition & { kmsKeyArn?: string },
  targets: readonly TargetDefinition[],
  made: ReadonlyMap<string, MadeProvider>,
): Role {
  const { name } = gateway
  const role = agentcoreRole(scope, 'Role', { kind: 'gateway', name, description: `Works for the gateway ${name}` })
  const functions = targets.flatMap(({ targetConfiguration: { mcp } }) => mcp.lambda?.lambdaArn ?? [])
  if (functions.length > 0)
    allow(role, { sid: 'Functions', actions: ['lambda:InvokeFunction'], resources: unique(functions) })
  const objects = targets.flatMap(objectsOf)
  if (objects.length > 0) allow(role, { sid: 'Documents', actions: ['s3:GetObject'], resources: unique(objects) })
  const credentials = targets.flatMap(({ credentialProviderConfigurations = [] }) => credentialProviderConfigurations)
  allowProviders(role, scope, { name, made, credentials })
  for (const [action, resources] of Object.entries(signedFor(scope, targets)))
    allow(role, {
      actions: [action],
      resources,
      wide: 'A REST API is called on paths and methods that its document says.',
    })
  if (gateway.kmsKeyArn !== undefined)
    allow(role, { sid: 'Key', actions: keyActions.map((each) => `kms:${each}`), resources: [gateway.kmsKeyArn] })
  return role
}

/** What the service does with a key of the customer's. @see aws-cdk-lib, aws-bedrockagentcore/lib/gateway/perms.js 2.276.0 */
const keyActions = [
  'CreateGrant',
  'Decrypt',
  'DescribeKey',
  'Encrypt',
  'GenerateDataKey',
  'GenerateDataKeyPair',
  'GenerateDataKeyPairWithoutPlaintext',
  'GenerateDataKeyWithoutPlaintext',
  'ReEncryptFrom',
  'ReEncryptTo',
]

/** Tool schemas and documents that the service reads from S3. */
function objectsOf({ targetConfiguration: { mcp } }: TargetDefinition): string[] {
  const sources = [mcp.lambda?.toolSchema, mcp.openApiSchema, mcp.mcpServer?.mcpToolSchema]
  return sources.flatMap((source) =>
    source && 's3' in source ? [`arn:aws:s3:::${source.s3.uri.slice('s3://'.length)}`] : [],
  )
}

const providerKinds = {
  API_KEY: { member: 'apiKeyCredentialProvider', action: 'GetResourceApiKey', folder: 'apikey' },
  OAUTH: { member: 'oauthCredentialProvider', action: 'GetResourceOauth2Token', folder: 'oauth2' },
} as const

/** A key or a token of a provider: the service asks its vault in the name of the gateway's workload identity, and reads the secret. */
function allowProviders(
  role: Role,
  scope: Construct,
  {
    name,
    made,
    credentials,
  }: { name: string; made: ReadonlyMap<string, MadeProvider>; credentials: readonly CredentialConfiguration[] },
): void {
  const identities = identityArns(scope, name)
  const wide = 'The service makes the workload identity and the secret under names that end in ids of its own choice.'
  let asks = false
  for (const [type, { member, action, folder }] of Object.entries(providerKinds)) {
    const arns = unique(
      credentials.flatMap((each) =>
        each.credentialProviderType === type ? (each.credentialProvider?.[member]?.providerArn ?? []) : [],
      ),
    )
    if (arns.length === 0) continue
    asks = true
    const vaults = unique(
      arns.map((arn) => (made.has(arn) ? agentcoreArn(scope, vault) : arn.split('/').slice(0, 2).join('/'))),
    )
    allow(role, {
      actions: [`bedrock-agentcore:${action}`],
      resources: [...vaults, ...arns.map((arn) => made.get(arn)?.arn ?? arn), ...identities],
      wide,
    })
    allow(role, {
      actions: ['secretsmanager:GetSecretValue'],
      resources: unique(arns.map((arn) => made.get(arn)?.secretArn ?? secretOf(arn, folder))),
      wide,
    })
  }
  if (asks)
    allow(role, { sid: 'Identity', actions: ['bedrock-agentcore:GetWorkloadAccessToken'], resources: identities, wide })
}

/** Where CloudFormation makes providers. */
const vault = 'token-vault/default'

/**
 * Where the service keeps what a provider was given; Secrets Manager adds six characters.
 * @see https://docs.aws.amazon.com/bedrock-agentcore/latest/devguide/identity-outbound-credential-provider.html (read 2026-11-25)
 */
function secretOf(providerArn: string, folder: string): string {
  const [, partition, , region, account] = providerArn.split(':')
  const [, vault, , name] = providerArn.split('/')
  return `arn:${partition}:secretsmanager:${region}:${account}:secret:bedrock-agentcore-identity!${vault}/${folder}/${name}-*`
}

/** What the gateway signs for with its role, where the address says what that is: runtimes, other gateways and REST APIs of this account. */
export function signedFor(scope: Construct, targets: readonly TargetDefinition[]): Record<string, string[]> {
  const found: Record<string, string[]> = {}
  for (const { targetConfiguration, credentialProviderConfigurations = [] } of targets) {
    const endpoint = targetConfiguration.mcp.mcpServer?.endpoint
    if (endpoint === undefined || credentialProviderConfigurations[0]?.credentialProviderType !== 'GATEWAY_IAM_ROLE')
      continue
    const asked = actionOf(scope, new URL(endpoint))
    if (asked) found[asked.action] = unique([...(found[asked.action] ?? []), ...asked.resources])
  }
  return found
}

function actionOf(scope: Construct, url: URL): { action: string; resources: string[] } | undefined {
  const { service, platform } = awsEndpoint(url) ?? {}
  const [host = ''] = url.hostname.split('.')
  if (platform === 'agentcore-gateway')
    return { action: 'bedrock-agentcore:InvokeGateway', resources: [agentcoreArn(scope, `gateway/${host}`)] }
  if (service === 'execute-api')
    return { action: 'execute-api:Invoke', resources: [agentcoreArn(scope, `${host}/*`, 'execute-api')] }
  const [, runtime] = /^\/runtimes\/([^/]+)\/invocations$/.exec(url.pathname) ?? []
  if (platform !== 'agentcore-runtime' || runtime === undefined) return undefined
  const arn = decodeURIComponent(runtime)
  const endpoint = `${arn}/runtime-endpoint/${url.searchParams.get('qualifier') ?? 'DEFAULT'}`
  return { action: 'bedrock-agentcore:InvokeAgentRuntime', resources: [arn, endpoint] }
}

function unique(all: readonly string[]): string[] {
  return [...new Set(all)]
}
