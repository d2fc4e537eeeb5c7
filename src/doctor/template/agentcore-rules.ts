import { aws, list, object, text, type Rule } from './rule.ts'

/** What a template says of AgentCore. */
export const agentcoreRules = {
  'runtime-name': {
    level: 'MUST',
    section: `${aws}/bedrock-agentcore-control/latest/APIReference/API_CreateAgentRuntime.html`,
    fix: 'Take letters, digits and underscores: [a-zA-Z][a-zA-Z0-9_]{0,47}.',
    wrong: ({ of }) =>
      of('AWS::BedrockAgentCore::Runtime')
        .filter(
          ({ properties }) =>
            text(properties.AgentRuntimeName) !== '' &&
            !/^[a-zA-Z][a-zA-Z0-9_]{0,47}$/.test(text(properties.AgentRuntimeName)),
        )
        .map(({ id }) => [id, 'Its name is not one: a hyphen is refused.']),
  },
  'runtime-audience': {
    level: 'MUST',
    section: `${aws}/bedrock-agentcore/latest/devguide/inbound-jwt-authorizer.html`,
    fix: 'Use AllowedClients: access tokens of Cognito have no `aud`.',
    wrong: ({ of }) =>
      of('AWS::BedrockAgentCore::Runtime')
        .filter(({ properties }) => {
          const jwt = object(object(properties.AuthorizerConfiguration).CustomJWTAuthorizer)
          return JSON.stringify(jwt.DiscoveryUrl ?? '').includes('cognito-idp') && Array.isArray(jwt.AllowedAudience)
        })
        .map(({ id }) => [id, 'It asks for an audience that a Cognito access token does not have.']),
  },
  'gateway-revisions': {
    level: 'SHOULD',
    section: `${aws}/bedrock-agentcore/latest/devguide/gateway-create.html`,
    fix: 'List 2026-07-28 beside 2025-11-25 and 2025-03-26 in ProtocolConfiguration.Mcp.SupportedVersions.',
    wrong: ({ of }) =>
      of('AWS::BedrockAgentCore::Gateway')
        .filter(({ properties }) => {
          const versions = object(object(properties.ProtocolConfiguration).Mcp).SupportedVersions
          return !(Array.isArray(versions) && versions.includes('2026-07-28'))
        })
        .map(({ id }) => [id, 'It does not serve 2026-07-28.']),
  },
  'gateway-schema-keyword': {
    level: 'MUST',
    section: `${aws}/bedrock-agentcore-control/latest/APIReference/API_SchemaDefinition.html`,
    fix: 'A tool’s schema has Type, Properties, Required, Items and Description alone; an API document no oneOf, anyOf and allOf. Say the rest in Description.',
    wrong: ({ of }) =>
      of('AWS::BedrockAgentCore::GatewayTarget').flatMap(({ id, properties }): [string, string][] => {
        const { Lambda, OpenApiSchema } = object(object(properties.TargetConfiguration).Mcp)
        const tools = list(object(object(Lambda).ToolSchema).InlinePayload)
        const words = new Set([
          ...tools.flatMap(({ InputSchema, OutputSchema }) => [InputSchema, OutputSchema].flatMap(foreignKeywords)),
          ...composed(text(object(OpenApiSchema).InlinePayload)),
        ])
        return [...words].map((word) => [id, `Its schema uses ${word.slice(0, 40)}, which the Gateway refuses.`])
      }),
  },
} as const satisfies Record<string, Rule>

const keywords = new Set(['Type', 'Properties', 'Required', 'Items', 'Description'])

/** Keywords of a tool’s schema that SchemaDefinition does not have. */
function foreignKeywords(schema: unknown): string[] {
  const { Properties: properties, Items } = object(schema)
  return [
    ...Object.keys(object(schema)).filter((each) => !keywords.has(each) && !each.startsWith('Fn::') && each !== 'Ref'),
    ...Object.values(object(properties)).flatMap(foreignKeywords),
    ...(Items === undefined ? [] : foreignKeywords(Items)),
  ]
}

/** What an API document combines schemas with. */
function composed(document: string): string[] {
  return ['oneOf', 'anyOf', 'allOf'].filter((word) =>
    new RegExp(`["']?\\b${word}["']?\\s*:\\s*(\\[|\\n\\s*-)`).test(document),
  )
}
