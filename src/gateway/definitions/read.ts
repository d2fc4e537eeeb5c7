import { FairleadError } from '../../errors.ts'
import { isForwardable } from '../../aws/agentcore-runtime.ts'
import { readCustomJwtConfig } from '../../auth/bearer/custom-jwt-config.ts'
import { revisions } from '../../mcp/revisions.ts'
import { checkShape, invalid } from './check.ts'
import { createGateway, createGatewayTarget, toolDefinition } from './shapes.ts'
import { list } from './shape.ts'
import type { GatewayDefinition, LambdaTool, TargetDefinition } from './types.ts'

/** Reads the body of CreateGateway. Throws GATEWAY_DEFINITION_INVALID, GATEWAY_NOT_SUPPORTED, CONFIG_INVALID. */
export function readGateway(json: unknown, file = 'gateway.json'): GatewayDefinition {
  const gateway = checkShape(bodyOf(json), createGateway, file) as GatewayDefinition
  const { authorizerType, authorizerConfiguration } = gateway
  if (authorizerType === 'AUTHENTICATE_ONLY')
    throw new FairleadError(
      'GATEWAY_NOT_SUPPORTED',
      `${file}: \`authorizerType: AUTHENTICATE_ONLY\` is not supported here`,
      {
        why: 'It passes the caller’s own IAM identity to HTTP targets, which come in a later version.',
      },
    )
  if (authorizerType === 'CUSTOM_JWT' && !authorizerConfiguration)
    throw invalid({ file, path: 'authorizerConfiguration' }, 'is required when authorizerType is CUSTOM_JWT')
  if (authorizerType !== 'CUSTOM_JWT' && authorizerConfiguration)
    throw invalid({ file, path: 'authorizerConfiguration' }, `is not allowed when authorizerType is ${authorizerType}`)
  if (authorizerConfiguration) readCustomJwtConfig(authorizerConfiguration.customJWTAuthorizer)
  const versions = gateway.protocolConfiguration?.mcp.supportedVersions ?? []
  const unknown = versions.find((version) => !(version in revisions))
  if (unknown !== undefined)
    throw invalid(
      { file, path: 'protocolConfiguration.mcp.supportedVersions' },
      `has ${unknown}; fairlead serves ${Object.keys(revisions).join(', ')}`,
    )
  return gateway
}

/** Reads the body of CreateGatewayTarget. Throws GATEWAY_DEFINITION_INVALID, GATEWAY_NOT_SUPPORTED. */
export function readTarget(json: unknown, file = 'target.json'): TargetDefinition {
  const target = checkShape(bodyOf(json), createGatewayTarget, file) as TargetDefinition
  if (target.name === undefined)
    throw invalid({ file, path: 'name' }, 'is required here: tools are named by it', 'Write "name": "orders".')
  checkCredentials(target, file)
  checkMetadata(target, file)
  return target
}

/** Reads the tools of a Lambda target that stand in a file of their own. */
export function readToolDefinitions(json: unknown, file: string): LambdaTool[] {
  return checkShape(json, list(toolDefinition), file) as LambdaTool[]
}

/** A CloudFormation resource has the body in its `Properties`. */
function bodyOf(json: unknown): unknown {
  const { Type, Properties } = (json ?? {}) as { Type?: unknown; Properties?: unknown }
  return typeof Type === 'string' && Type.startsWith('AWS::BedrockAgentCore::') ? Properties : json
}

/**
 * Which credentials each kind of target may have.
 * @see https://docs.aws.amazon.com/bedrock-agentcore/latest/devguide/gateway-outbound-auth.html (read 2026-11-22)
 */
const credentialMatrix = {
  lambda: ['GATEWAY_IAM_ROLE'],
  openApiSchema: ['none', 'GATEWAY_IAM_ROLE', 'OAUTH', 'API_KEY'],
  mcpServer: ['none', 'GATEWAY_IAM_ROLE', 'OAUTH', 'API_KEY'],
} as const satisfies Record<string, readonly string[]>

const providerMembers = {
  GATEWAY_IAM_ROLE: 'iamCredentialProvider',
  OAUTH: 'oauthCredentialProvider',
  API_KEY: 'apiKeyCredentialProvider',
} as const

function checkCredentials(
  { targetConfiguration, credentialProviderConfigurations }: TargetDefinition,
  file: string,
): void {
  const kind = Object.keys(targetConfiguration.mcp)[0] as keyof typeof credentialMatrix
  const [given] = credentialProviderConfigurations ?? []
  const type = given?.credentialProviderType ?? 'none'
  const path = 'credentialProviderConfigurations[0]'
  const allowed: readonly string[] = credentialMatrix[kind]
  if (!allowed.includes(type))
    throw invalid(
      { file, path: given ? `${path}.credentialProviderType` : 'credentialProviderConfigurations' },
      type === 'none'
        ? `is required for ${kind}: ${allowed.join(', ')}`
        : `cannot be ${type} for ${kind}: ${allowed.join(', ')}`,
    )
  if (!given) return
  const provider = given.credentialProvider
  const member = providerMembers[type as keyof typeof providerMembers]
  if (kind === 'lambda') {
    if (provider) throw invalid({ file, path: `${path}.credentialProvider` }, 'is not allowed for lambda')
    return
  }
  if (!provider || !(member in provider))
    throw invalid({ file, path: `${path}.credentialProvider.${member}` }, `is required for ${type}`)
  const { grantType = 'CLIENT_CREDENTIALS' } = provider.oauthCredentialProvider ?? {}
  if (grantType !== 'CLIENT_CREDENTIALS')
    throw new FairleadError(
      'GATEWAY_NOT_SUPPORTED',
      `${file}: \`${path}…grantType: ${grantType}\` is not supported here`,
      {
        why: 'OAuth on behalf of a user comes in a later version.',
      },
    )
}

function checkMetadata(
  { metadataConfiguration = {}, credentialProviderConfigurations }: TargetDefinition,
  file: string,
): void {
  const key = credentialProviderConfigurations?.[0]?.credentialProvider?.apiKeyCredentialProvider
  const keyHeader =
    key && key.credentialLocation !== 'QUERY_PARAMETER' ? (key.credentialParameterName ?? 'Authorization') : undefined
  for (const member of ['allowedRequestHeaders', 'allowedResponseHeaders'] as const)
    for (const [index, name] of (metadataConfiguration[member] ?? []).entries()) {
      const at = { file, path: `metadataConfiguration.${member}[${index}]` }
      if (name.toLowerCase() === 'authorization' || !isForwardable(name))
        throw invalid(at, `cannot be ${name}: AWS keeps that header to itself`)
      if (member === 'allowedRequestHeaders' && keyHeader?.toLowerCase() === name.toLowerCase())
        throw invalid(at, `cannot be ${name}: the API key of this target has it`)
    }
}
