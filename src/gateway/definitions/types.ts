/** The body of CreateGateway, as far as fairlead uses it. Names are AWS's. */
export interface GatewayDefinition {
  name: string
  description?: string
  roleArn: string
  authorizerType: 'CUSTOM_JWT' | 'AWS_IAM' | 'NONE' | 'AUTHENTICATE_ONLY'
  authorizerConfiguration?: { customJWTAuthorizer: Record<string, unknown> }
  protocolConfiguration?: {
    mcp: {
      supportedVersions?: string[]
      instructions?: string
      searchType?: 'SEMANTIC'
      streamingConfiguration?: { enableResponseStreaming?: boolean }
      disableMcpListToolsPagination?: boolean
    }
  }
  policyEngineConfiguration?: { arn?: string; mode: 'LOG_ONLY' | 'ENFORCE' }
  exceptionLevel?: 'DEBUG'
}

/** Where a schema is: in the definition, or in a file that the bindings find. */
export type SchemaSource<Inline> = { inlinePayload: Inline } | { s3: { uri: string } }

export interface LambdaTool {
  name: string
  description: string
  inputSchema: Record<string, unknown>
  outputSchema?: Record<string, unknown>
}

export interface McpServerConfiguration {
  endpoint: string
  mcpToolSchema?: SchemaSource<string>
  listingMode?: 'DEFAULT' | 'DYNAMIC'
  resourcePriority?: number
}

/** Exactly one of them is set. */
export interface McpTargetConfiguration {
  lambda?: { lambdaArn: string; toolSchema: SchemaSource<LambdaTool[]> }
  openApiSchema?: SchemaSource<string>
  mcpServer?: McpServerConfiguration
}

export interface OauthProvider {
  providerArn: string
  scopes: string[]
  customParameters?: Record<string, string>
  grantType?: 'CLIENT_CREDENTIALS' | 'AUTHORIZATION_CODE' | 'TOKEN_EXCHANGE'
}

export interface ApiKeyProvider {
  providerArn: string
  credentialParameterName?: string
  credentialPrefix?: string
  credentialLocation?: 'HEADER' | 'QUERY_PARAMETER'
}

export interface CredentialConfiguration {
  credentialProviderType: 'GATEWAY_IAM_ROLE' | 'OAUTH' | 'API_KEY' | 'CALLER_IAM_CREDENTIALS' | 'JWT_PASSTHROUGH'
  credentialProvider?: {
    oauthCredentialProvider?: OauthProvider
    apiKeyCredentialProvider?: ApiKeyProvider
    iamCredentialProvider?: { service: string; region?: string }
  }
}

export interface MetadataConfiguration {
  allowedRequestHeaders?: string[]
  allowedQueryParameters?: string[]
  allowedResponseHeaders?: string[]
}

/** The body of CreateGatewayTarget, as far as fairlead uses it. */
export interface TargetDefinition {
  name: string
  description?: string
  targetConfiguration: { mcp: McpTargetConfiguration }
  credentialProviderConfigurations?: CredentialConfiguration[]
  metadataConfiguration?: MetadataConfiguration
}
