import type { templateRules } from '../../src/doctor/template.ts'

type Resources = Record<string, { Type: string; Properties: Record<string, unknown> }>

const fn = { Ref: 'Fn' }
const arn = { 'Fn::GetAtt': ['Fn', 'Arn'] }
const role = 'arn:aws:iam::111122223333:role/agent'

const container = (environment: Record<string, string> = {}) => ({
  Name: 'server',
  StopTimeout: 120,
  PortMappings: [{ ContainerPort: 8000 }],
  Environment: Object.entries({ HOST: '0.0.0.0', KEEP_ALIVE_TIMEOUT_MS: '310000', ...environment }).map(
    ([Name, Value]) => ({ Name, Value }),
  ),
})
const schema = (more: object = {}) => ({
  Type: 'object',
  Properties: { status: { Type: 'string', Description: 'open or shipped', ...more } },
})

/** A template with everything that the rules look at, and nothing wrong. */
export function goodTemplate(): { Resources: Resources } {
  return {
    Resources: {
      Fn: { Type: 'AWS::Lambda::Function', Properties: { Runtime: 'nodejs24.x', Timeout: 60 } },
      Url: {
        Type: 'AWS::Lambda::Url',
        Properties: { TargetFunctionArn: arn, AuthType: 'AWS_IAM', InvokeMode: 'RESPONSE_STREAM' },
      },
      UrlGrant: {
        Type: 'AWS::Lambda::Permission',
        Properties: {
          FunctionName: fn,
          Principal: role,
          Action: 'lambda:InvokeFunctionUrl',
          FunctionUrlAuthType: 'AWS_IAM',
        },
      },
      InvokeGrant: {
        Type: 'AWS::Lambda::Permission',
        Properties: { FunctionName: fn, Principal: role, Action: 'lambda:InvokeFunction', InvokedViaFunctionUrl: true },
      },
      Balancer: {
        Type: 'AWS::ElasticLoadBalancingV2::LoadBalancer',
        Properties: { LoadBalancerAttributes: [{ Key: 'idle_timeout.timeout_seconds', Value: '300' }] },
      },
      Listener: {
        Type: 'AWS::ElasticLoadBalancingV2::Listener',
        Properties: { Protocol: 'HTTPS', DefaultActions: [{ Type: 'forward' }] },
      },
      Targets: {
        Type: 'AWS::ElasticLoadBalancingV2::TargetGroup',
        Properties: {
          TargetType: 'ip',
          TargetGroupAttributes: [{ Key: 'deregistration_delay.timeout_seconds', Value: '90' }],
        },
      },
      Task: {
        Type: 'AWS::ECS::TaskDefinition',
        Properties: { RuntimePlatform: { CpuArchitecture: 'ARM64' }, ContainerDefinitions: [container()] },
      },
      Service: {
        Type: 'AWS::ECS::Service',
        Properties: { DesiredCount: 2, LoadBalancers: [{ ContainerName: 'server', ContainerPort: 8000 }] },
      },
      Distribution: {
        Type: 'AWS::CloudFront::Distribution',
        Properties: {
          DistributionConfig: {
            Origins: [{ CustomOriginConfig: { OriginReadTimeout: 120 } }],
            DefaultCacheBehavior: {
              CachePolicyId: '4135ea2d-6df8-44a3-9df3-4b5a84be39ad',
              OriginRequestPolicyId: 'b689b0a8-53d0-40ab-baf2-68738e2966ac',
            },
          },
        },
      },
      Acl: {
        Type: 'AWS::WAFv2::WebACL',
        Properties: {
          Rules: [
            {
              Statement: {
                ManagedRuleGroupStatement: {
                  Name: 'AWSManagedRulesCommonRuleSet',
                  RuleActionOverrides: [{ Name: 'SizeRestrictions_BODY' }],
                },
              },
            },
          ],
        },
      },
      Api: { Type: 'AWS::ApiGateway::RestApi', Properties: { EndpointConfiguration: { Types: ['REGIONAL'] } } },
      Unauthorized: {
        Type: 'AWS::ApiGateway::GatewayResponse',
        Properties: {
          ResponseType: 'UNAUTHORIZED',
          ResponseParameters: { 'gatewayresponse.header.WWW-Authenticate': "'Bearer'" },
        },
      },
      Pool: {
        Type: 'AWS::Cognito::UserPool',
        Properties: { AdminCreateUserConfig: { AllowAdminCreateUserOnly: true } },
      },
      Client: {
        Type: 'AWS::Cognito::UserPoolClient',
        Properties: { AllowedOAuthFlows: ['code'], AllowedOAuthScopes: ['openid', 'tools/read'] },
      },
      Scopes: { Type: 'AWS::Cognito::UserPoolResourceServer', Properties: { Identifier: 'tools' } },
      Domain: { Type: 'AWS::Cognito::UserPoolDomain', Properties: { Domain: 'agents' } },
      Runtime: {
        Type: 'AWS::BedrockAgentCore::Runtime',
        Properties: {
          AgentRuntimeName: 'account_summary',
          AuthorizerConfiguration: {
            CustomJWTAuthorizer: {
              DiscoveryUrl: 'https://cognito-idp.us-east-1.amazonaws.com/p/.well-known/openid-configuration',
              AllowedClients: ['c'],
            },
          },
        },
      },
      Target: { Type: 'AWS::BedrockAgentCore::GatewayTarget', Properties: { TargetConfiguration: targetOf(schema()) } },
      Gateway: {
        Type: 'AWS::BedrockAgentCore::Gateway',
        Properties: { ProtocolConfiguration: { Mcp: { SupportedVersions: ['2025-11-25', '2026-07-28'] } } },
      },
    },
  }
}

/** Makes one thing wrong. */
export const breakTemplate: Record<keyof typeof templateRules, (resources: Resources) => void> = {
  'invoke-grant-missing': (all) => delete all.InvokeGrant,
  'invoked-via-url-missing': ({ InvokeGrant }) => delete InvokeGrant!.Properties.InvokedViaFunctionUrl,
  'url-open': ({ Url }) => {
    // What opens the Invoke API matters only where the URL asks for IAM.
    Url!.Properties.AuthType = 'NONE'
  },
  'url-buffered': ({ Url }) => delete Url!.Properties.InvokeMode,
  'url-with-tenants': ({ Fn }) => (Fn!.Properties.TenancyConfig = { TenantIsolationMode: 'PER_TENANT' }),
  'cors-options': ({ Url }) => (Url!.Properties.Cors = { AllowMethods: ['POST', 'OPTIONS'] }),
  'runtime-ended': ({ Fn }) => (Fn!.Properties.Runtime = 'nodejs18.x'),
  'alb-idle-short': ({ Balancer }) => (Balancer!.Properties.LoadBalancerAttributes = []),
  'alb-http': ({ Listener }) => (Listener!.Properties.Protocol = 'HTTP'),
  'alb-lambda-target': ({ Targets }) => (Targets!.Properties.TargetType = 'lambda'),
  'stop-before-drained': ({ Targets }) => (Targets!.Properties.TargetGroupAttributes = []),
  'task-image-architecture': ({ Task }) => delete Task!.Properties.RuntimePlatform,
  'stateful-not-sticky': ({ Task }) => (Task!.Properties.ContainerDefinitions = [container({ SESSIONS: 'memory' })]),
  // What Node does by itself.
  'keep-alive-short': ({ Task }) =>
    (Task!.Properties.ContainerDefinitions = [container({ KEEP_ALIVE_TIMEOUT_MS: '5000' })]),
  'container-on-loopback': ({ Task }) => (Task!.Properties.ContainerDefinitions = [container({ HOST: '127.0.0.1' })]),
  'container-port': ({ Service }) => (Service!.Properties.LoadBalancers = [{ ContainerPort: 8080 }]),
  'gateway-schema-keyword': ({ Target }) =>
    (Target!.Properties.TargetConfiguration = targetOf(schema({ Enum: ['open', 'shipped'] }))),
  'cloudfront-timeout-short': ({ Distribution }) => (configOf(Distribution).Origins = [{ CustomOriginConfig: {} }]),
  'cloudfront-caches': ({ Distribution }) =>
    (behaviourOf(Distribution).CachePolicyId = '658327ea-f89d-4fab-a63d-7e88639e58f6'),
  'cloudfront-host': ({ Distribution }) =>
    (behaviourOf(Distribution).OriginRequestPolicyId = '216adef6-5c7f-47e4-b989-5492eafa07d3'),
  'cloudfront-oac-bearer': (all) =>
    (all.Oac = {
      Type: 'AWS::CloudFront::OriginAccessControl',
      Properties: { OriginAccessControlConfig: { OriginAccessControlOriginType: 'lambda', SigningBehavior: 'always' } },
    }),
  'waf-blocks-mcp': ({ Acl }) =>
    (Acl!.Properties.Rules = [{ Statement: { ManagedRuleGroupStatement: { Name: 'AWSManagedRulesCommonRuleSet' } } }]),
  'rest-edge-stream': ({ Api }) => delete Api!.Properties.EndpointConfiguration,
  'rest-challenge-remapped': (all) => delete all.Unauthorized,
  'self-sign-up': ({ Pool }) => delete Pool!.Properties.AdminCreateUserConfig,
  'implicit-grant': ({ Client }) => (Client!.Properties.AllowedOAuthFlows = ['code', 'implicit']),
  'resource-server-missing': (all) => delete all.Scopes,
  'cognito-domain-uppercase': ({ Domain }) => (Domain!.Properties.Domain = 'Agents'),
  'runtime-name': ({ Runtime }) => (Runtime!.Properties.AgentRuntimeName = 'account-summary'),
  'runtime-audience': ({ Runtime }) =>
    ((
      Runtime!.Properties.AuthorizerConfiguration as Record<string, Record<string, unknown>>
    ).CustomJWTAuthorizer!.AllowedAudience = ['a']),
  'gateway-revisions': ({ Gateway }) => delete Gateway!.Properties.ProtocolConfiguration,
}

function targetOf(InputSchema: object): object {
  return {
    Mcp: {
      Lambda: {
        LambdaArn: arn,
        ToolSchema: { InlinePayload: [{ Name: 'find', Description: 'Finds orders.', InputSchema }] },
      },
    },
  }
}

function configOf(distribution: Resources[string] | undefined): Record<string, unknown> {
  return distribution!.Properties.DistributionConfig as Record<string, unknown>
}

function behaviourOf(distribution: Resources[string] | undefined): Record<string, unknown> {
  return configOf(distribution).DefaultCacheBehavior as Record<string, unknown>
}
