import { list, map, oneOf, refused, structure, text, union, type Shape } from './shape.ts'

/*
 * The shapes of CreateGateway and CreateGatewayTarget, copied from the service model of bedrock-agentcore-control
 * (botocore 1.43.11, read 2026-11-22). A member that is `refused` exists on AWS and not here.
 * @see https://docs.aws.amazon.com/bedrock-agentcore-control/latest/APIReference/API_CreateGateway.html
 * @see https://docs.aws.amazon.com/bedrock-agentcore-control/latest/APIReference/API_CreateGatewayTarget.html
 */

const clientToken = text('[a-zA-Z0-9](-*[a-zA-Z0-9]){0,256}', { min: 33, max: 256 })
const description = text(undefined, { min: 1, max: 200 })
const tag = text('[a-zA-Z0-9\\s._:/=+@-]*', { max: 256 })
const arn = text('arn:([^:]*):([^:]*):([^:]*):([0-9]{12})?:(.+)')

/** Lambda's functions, aliases and versions. */
export const lambdaArnPattern =
  'arn:(aws[a-zA-Z-]*)?:lambda:([a-z]{2}(-gov)?-[a-z]+-\\d{1}):(\\d{12}):function:([a-zA-Z0-9-_.]+)(:(\\$LATEST|[a-zA-Z0-9-_]+))?'

export const createGateway: Shape = structure({
  'name*': text('([0-9a-zA-Z][-]?){1,48}'),
  description,
  clientToken,
  'roleArn*': text('arn:aws(-[^:]+)?:iam::([0-9]{12})?:role/.+', { min: 1, max: 2048 }),
  protocolType: oneOf('MCP'),
  protocolConfiguration: union({
    mcp: structure({
      supportedVersions: list(text()),
      instructions: text(undefined, { min: 1, max: 2048 }),
      searchType: oneOf('SEMANTIC'),
      sessionConfiguration: refused('Sessions of a gateway come with elicitation, in a later version.'),
      streamingConfiguration: structure({ enableResponseStreaming: { kind: 'boolean' } }),
      disableMcpListToolsPagination: { kind: 'boolean' },
    }),
  }),
  'authorizerType*': oneOf('CUSTOM_JWT', 'AWS_IAM', 'NONE', 'AUTHENTICATE_ONLY'),
  // Its reader is src/auth/bearer/custom-jwt-config.ts, which AgentCore Runtime shares.
  authorizerConfiguration: union({ customJWTAuthorizer: { kind: 'document' } }),
  kmsKeyArn: text('arn:aws(|-cn|-us-gov):kms:[a-zA-Z0-9-]*:[0-9]{12}:key/[a-zA-Z0-9-]{36}', { min: 1, max: 2048 }),
  interceptorConfigurations: refused('Interceptors come in a later version.'),
  // AWS wants `arn`; here and in what is deployed the engine is the one that is made of the project's own policies.
  policyEngineConfiguration: structure({
    arn: text(
      'arn:aws(-[^:]+)?:bedrock-agentcore:[a-z0-9-]+:[0-9]{12}:policy-engine\\/[a-zA-Z][a-zA-Z0-9-_]{0,99}-[a-zA-Z0-9_]{10}',
      {
        min: 1,
        max: 170,
      },
    ),
    'mode*': oneOf('LOG_ONLY', 'ENFORCE'),
  }),
  exceptionLevel: oneOf('DEBUG'),
  tags: map(() => tag, 0, 50),
})

/** The schema language of Lambda tools: no enum, no format, no limits. */
const schemaDefinition: Shape = structure({
  'type*': oneOf('string', 'number', 'object', 'array', 'boolean', 'integer'),
  properties: map(() => schemaDefinition),
  required: list(text()),
  items: { kind: 'same', as: () => schemaDefinition },
  description: text(),
})

export const toolDefinition: Shape = structure({
  'name*': text(),
  'description*': text(),
  'inputSchema*': schemaDefinition,
  outputSchema: schemaDefinition,
})

const s3 = structure({ 'uri*': text('s3://.{1,2043}'), bucketOwnerAccountId: text('[0-9]{12}') })
const apiSchema = union({ s3, inlinePayload: text() })
const later = 'comes in a later version.'

export const createGatewayTarget: Shape = structure({
  gatewayIdentifier: text('([0-9a-z][-]?){1,100}-[0-9a-z]{10}'),
  name: text('([0-9a-zA-Z][-]?){1,100}'),
  description,
  clientToken,
  'targetConfiguration*': union({
    mcp: union({
      openApiSchema: apiSchema,
      smithyModel: refused('Smithy models are not read here; give the API as an OpenAPI document.'),
      lambda: structure({
        'lambdaArn*': text(lambdaArnPattern, { min: 1, max: 170 }),
        'toolSchema*': union({ s3, inlinePayload: list(toolDefinition) }),
      }),
      mcpServer: structure({
        'endpoint*': text('https://.*'),
        mcpToolSchema: apiSchema,
        listingMode: oneOf('DEFAULT', 'DYNAMIC'),
        resourcePriority: { kind: 'integer', min: 0, max: 1000 },
      }),
      apiGateway: refused(`A target that is an API Gateway stage ${later}`),
      connector: refused('Connectors run inside AWS only.'),
    }),
    http: refused(`An HTTP target ${later}`),
    inference: refused('Inference targets are not tools.'),
  }),
  credentialProviderConfigurations: list(
    structure({
      'credentialProviderType*': oneOf(
        'GATEWAY_IAM_ROLE',
        'OAUTH',
        'API_KEY',
        'CALLER_IAM_CREDENTIALS',
        'JWT_PASSTHROUGH',
      ),
      credentialProvider: union({
        oauthCredentialProvider: structure({
          'providerArn*': arn,
          'scopes*': list(text(undefined, { min: 1, max: 64 }), 0, 100),
          customParameters: map(() => text(undefined, { min: 1, max: 2048 }), 1, 10),
          grantType: oneOf('CLIENT_CREDENTIALS', 'AUTHORIZATION_CODE', 'TOKEN_EXCHANGE'),
          defaultReturnUrl: text('\\w+:(\\/?\\/?)[^\\s]+', { min: 1, max: 2048 }),
        }),
        apiKeyCredentialProvider: structure({
          'providerArn*': arn,
          credentialParameterName: text(undefined, { min: 1, max: 64 }),
          credentialPrefix: text(undefined, { min: 1, max: 64 }),
          credentialLocation: oneOf('HEADER', 'QUERY_PARAMETER'),
        }),
        iamCredentialProvider: structure({
          'service*': text('[a-zA-Z0-9._-]+', { min: 1, max: 64 }),
          region: text('[a-zA-Z0-9-]+', { min: 1, max: 32 }),
        }),
      }),
    }),
    1,
    1,
  ),
  metadataConfiguration: structure({
    allowedRequestHeaders: list(text('[a-zA-Z0-9_-]+', { min: 1, max: 100 }), 1, 10),
    allowedQueryParameters: list(text(undefined, { min: 1, max: 40 }), 1, 10),
    allowedResponseHeaders: list(text('[a-zA-Z0-9_-]+', { min: 1, max: 100 }), 1, 10),
  }),
  privateEndpoint: refused('Private endpoints are reached inside AWS; say where it is in the bindings file.'),
  certificateConfigurations: refused(`A certificate authority of one’s own ${later}`),
})
