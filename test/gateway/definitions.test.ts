import { describe, expect, it } from 'vitest'
import { readGateway, readTarget } from '../../src/gateway/definitions/read.ts'
import { FairleadError } from '../../src/errors.ts'
import { apiTarget, lambdaTarget, mcpTarget, roleArn } from './support.ts'

const gateway = { name: 'my-gateway', roleArn, authorizerType: 'NONE' }
const jwt = {
  customJWTAuthorizer: { discoveryUrl: 'https://x.example/.well-known/openid-configuration', allowedAudience: ['a'] },
}
const credentials = (type: string, provider?: object) => ({
  credentialProviderConfigurations: [
    { credentialProviderType: type, ...(provider ? { credentialProvider: provider } : {}) },
  ],
})
const oauth = (more: object = {}) => ({
  oauthCredentialProvider: { providerArn: 'arn:aws:x:y::z', scopes: [], ...more },
})

function refusal(read: () => unknown): FairleadError {
  try {
    read()
  } catch (error) {
    if (error instanceof FairleadError) return error
    throw error
  }
  throw new Error('it was accepted')
}

describe('the body of CreateGateway', () => {
  it('is read as AWS has it, and as CloudFormation writes it', () => {
    const read = readGateway({
      ...gateway,
      authorizerType: 'CUSTOM_JWT',
      authorizerConfiguration: jwt,
      tags: { Team: 'shop' },
    })
    const resource = {
      Type: 'AWS::BedrockAgentCore::Gateway',
      Properties: {
        Name: 'my-gateway',
        RoleArn: roleArn,
        AuthorizerType: 'CUSTOM_JWT',
        AuthorizerConfiguration: { CustomJWTAuthorizer: jwt.customJWTAuthorizer },
        Tags: { Team: 'shop' },
      },
    }
    expect(readGateway(resource)).toEqual(read)
  })

  it.each([
    ['GATEWAY_DEFINITION_INVALID', { ...gateway, name: 'a--b' }, '`name` must match'],
    ['GATEWAY_DEFINITION_INVALID', { ...gateway, roleArn: undefined }, '`roleArn` is required'],
    ['GATEWAY_DEFINITION_INVALID', { ...gateway, authoriserType: 'NONE' }, 'did you mean `authorizerType`'],
    ['GATEWAY_DEFINITION_INVALID', { ...gateway, authorizerType: 'JWT' }, '`authorizerType` must be CUSTOM_JWT or'],
    [
      'GATEWAY_DEFINITION_INVALID',
      { ...gateway, authorizerType: 'CUSTOM_JWT' },
      '`authorizerConfiguration` is required',
    ],
    [
      'GATEWAY_DEFINITION_INVALID',
      { ...gateway, authorizerConfiguration: jwt },
      '`authorizerConfiguration` is not allowed',
    ],
    [
      'GATEWAY_DEFINITION_INVALID',
      { ...gateway, protocolConfiguration: { mcp: { supportedVersions: ['1999-01-01'] } } },
      '1999-01-01',
    ],
    ['GATEWAY_DEFINITION_INVALID', { ...gateway, protocolConfiguration: {} }, 'exactly one of mcp'],
    ['GATEWAY_DEFINITION_INVALID', { ...gateway, description: '' }, 'at least 1'],
    ['GATEWAY_DEFINITION_INVALID', [], 'must be an object'],
    ['GATEWAY_NOT_SUPPORTED', { ...gateway, authorizerType: 'AUTHENTICATE_ONLY' }, 'AUTHENTICATE_ONLY'],
    ['GATEWAY_NOT_SUPPORTED', { ...gateway, interceptorConfigurations: [] }, 'interceptorConfigurations'],
    ['GATEWAY_DEFINITION_INVALID', { ...gateway, policyEngineConfiguration: {} }, '`policyEngineConfiguration.mode`'],
    [
      'GATEWAY_NOT_SUPPORTED',
      { ...gateway, protocolConfiguration: { mcp: { sessionConfiguration: {} } } },
      'protocolConfiguration.mcp.sessionConfiguration',
    ],
  ])('is refused with %s (%#)', (code, body, said) => {
    const error = refusal(() => readGateway(body))
    expect([error.code, error.message.includes(said) || error.message]).toEqual([code, true])
  })
})

describe('the body of CreateGatewayTarget', () => {
  const deep = (levels: number): object =>
    levels === 0 ? { type: 'string' } : { type: 'array', items: deep(levels - 1) }

  it('is read as AWS has it; names of properties stay as they are', () => {
    const tools = [
      {
        Name: 'T',
        Description: 'd',
        InputSchema: { Type: 'object', Properties: { OrderId: { Type: 'string' } }, Required: ['OrderId'] },
      },
    ]
    const read = readTarget(lambdaTarget({}, tools)).targetConfiguration.mcp.lambda!.toolSchema
    expect(read).toEqual({
      inlinePayload: [
        {
          name: 'T',
          description: 'd',
          inputSchema: { type: 'object', properties: { OrderId: { type: 'string' } }, required: ['OrderId'] },
        },
      ],
    })
  })

  it.each([
    ['GATEWAY_DEFINITION_INVALID', lambdaTarget({ name: 'a_b' }), '`name` must match'],
    ['GATEWAY_DEFINITION_INVALID', lambdaTarget({ name: undefined }), '`name` is required'],
    [
      'GATEWAY_DEFINITION_INVALID',
      lambdaTarget({ credentialProviderConfigurations: undefined }),
      'is required for lambda',
    ],
    [
      'GATEWAY_DEFINITION_INVALID',
      lambdaTarget(credentials('GATEWAY_IAM_ROLE', { iamCredentialProvider: { service: 'lambda' } })),
      'is not allowed for lambda',
    ],
    ['GATEWAY_DEFINITION_INVALID', lambdaTarget(credentials('API_KEY')), 'cannot be API_KEY for lambda'],
    [
      'GATEWAY_DEFINITION_INVALID',
      lambdaTarget({}, [{ name: 'a', description: 'b', inputSchema: { type: 'string', enum: ['x'] } }]),
      'inputSchema.enum` is not a member',
    ],
    [
      'GATEWAY_DEFINITION_INVALID',
      lambdaTarget({}, [{ name: 'a', description: 'b', inputSchema: deep(80) }]),
      'nests deeper',
    ],
    [
      'GATEWAY_DEFINITION_INVALID',
      mcpTarget('a', { endpoint: 'http://127.0.0.1/mcp' }),
      'mcpServer.endpoint` must match',
    ],
    ['GATEWAY_DEFINITION_INVALID', mcpTarget('a', { resourcePriority: 1001 }), 'from 0 to 1000'],
    [
      'GATEWAY_DEFINITION_INVALID',
      { ...mcpTarget('a'), ...credentials('JWT_PASSTHROUGH') },
      'cannot be JWT_PASSTHROUGH',
    ],
    [
      'GATEWAY_DEFINITION_INVALID',
      { ...mcpTarget('a'), ...credentials('GATEWAY_IAM_ROLE') },
      'iamCredentialProvider` is required',
    ],
    [
      'GATEWAY_DEFINITION_INVALID',
      { ...mcpTarget('a'), metadataConfiguration: { allowedRequestHeaders: ['Authorization'] } },
      'cannot be Authorization',
    ],
    [
      'GATEWAY_DEFINITION_INVALID',
      { ...mcpTarget('a'), metadataConfiguration: { allowedRequestHeaders: ['X-Amzn-Trace'] } },
      'cannot be X-Amzn-Trace',
    ],
    [
      'GATEWAY_DEFINITION_INVALID',
      apiTarget('{}', {
        ...credentials('API_KEY', {
          apiKeyCredentialProvider: { providerArn: 'arn:aws:x:y::z', credentialParameterName: 'X-Key' },
        }),
        metadataConfiguration: { allowedRequestHeaders: ['x-key'] },
      }),
      'the API key of this target',
    ],
    [
      'GATEWAY_NOT_SUPPORTED',
      { ...mcpTarget('a'), ...credentials('OAUTH', oauth({ grantType: 'TOKEN_EXCHANGE' })) },
      'TOKEN_EXCHANGE',
    ],
    ['GATEWAY_NOT_SUPPORTED', { name: 'a', targetConfiguration: { http: {} } }, 'targetConfiguration.http'],
    ['GATEWAY_NOT_SUPPORTED', { name: 'a', targetConfiguration: { mcp: { smithyModel: {} } } }, 'smithyModel'],
    ['GATEWAY_NOT_SUPPORTED', { name: 'a', targetConfiguration: { mcp: { apiGateway: {} } } }, 'apiGateway'],
    ['GATEWAY_NOT_SUPPORTED', { ...mcpTarget('a'), privateEndpoint: {} }, 'privateEndpoint'],
  ])('is refused with %s (%#)', (code, body, said) => {
    const error = refusal(() => readTarget(body))
    expect([error.code, error.message.includes(said) || error.message]).toEqual([code, true])
  })
})
