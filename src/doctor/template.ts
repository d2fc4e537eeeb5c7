import { FairleadError } from '../errors.ts'

type Properties = Record<string, unknown>

interface Resource {
  id: string
  type: string
  properties: Properties
}

/** All resources of a template, for a rule to look at. */
interface Template {
  resources: Resource[]
  of: (type: string) => Resource[]
}

export interface TemplateFinding {
  id: string
  level: 'MUST' | 'SHOULD'
  /** The resource, where one is meant. */
  resource: string
  says: string
  fix: string
  section: string
}

interface Rule {
  level: 'MUST' | 'SHOULD'
  fix: string
  section: string
  /** What is wrong, resource by resource. */
  wrong: (template: Template) => [resource: string, says: string][]
}

const aws = 'https://docs.aws.amazon.com'
const text = (value: unknown) => (typeof value === 'string' ? value : '')
const number = (value: unknown) => (typeof value === 'number' ? value : Number(value))
const list = (value: unknown): Properties[] => (Array.isArray(value) ? (value as Properties[]) : [])
const object = (value: unknown): Properties =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Properties) : {}
/** What a Ref or GetAtt names, or the text itself. */
const named = (value: unknown): string => {
  const { Ref, 'Fn::GetAtt': attribute } = object(value)
  return text(value) || text(Ref) || text(Array.isArray(attribute) ? attribute[0] : attribute)
}
const attributes = (value: unknown) => new Map(list(value).map(({ Key, Value }) => [text(Key), text(Value)]))

/** The time that tools may take, as the load balancer and CloudFront must wait for them: the longest Lambda timeout, else a minute. */
const longest = ({ of }: Template) =>
  Math.max(0, ...of('AWS::Lambda::Function').map(({ properties }) => number(properties.Timeout) || 3))
const grants = (template: Template, action: string) =>
  template.of('AWS::Lambda::Permission').filter(({ properties }) => text(properties.Action) === action)
const urls = (template: Template) =>
  template.of('AWS::Lambda::Url').filter(({ properties }) => properties.AuthType === 'AWS_IAM')

/** Faults that are visible in a CloudFormation template. Each has an id, the section that says it, and what to do. */
export const templateRules = {
  'invoke-grant-missing': {
    level: 'MUST',
    section: `${aws}/lambda/latest/dg/urls-auth.html`,
    fix: 'Add an AWS::Lambda::Permission with Action lambda:InvokeFunction and InvokedViaFunctionUrl true, for the same principal.',
    wrong: (template) =>
      grants(template, 'lambda:InvokeFunctionUrl')
        .filter(
          ({ properties }) =>
            !grants(template, 'lambda:InvokeFunction').some(
              (other) =>
                named(other.properties.FunctionName) === named(properties.FunctionName) &&
                text(other.properties.Principal) === text(properties.Principal),
            ),
        )
        .map(({ id }) => [
          id,
          'It grants lambda:InvokeFunctionUrl alone; since October 2025 a function URL needs lambda:InvokeFunction too.',
        ]),
  },
  'invoked-via-url-missing': {
    level: 'SHOULD',
    section: `${aws}/lambda/latest/dg/urls-auth.html`,
    fix: 'Set InvokedViaFunctionUrl: true, so that the grant opens the URL and not the Invoke API.',
    wrong: (template) =>
      urls(template).length === 0
        ? []
        : grants(template, 'lambda:InvokeFunction')
            .filter(
              ({ properties }) =>
                properties.InvokedViaFunctionUrl !== true &&
                grants(template, 'lambda:InvokeFunctionUrl').some(
                  (url) => named(url.properties.FunctionName) === named(properties.FunctionName),
                ),
            )
            .map(({ id }) => [id, 'It opens the Invoke API as well as the URL.']),
  },
  'url-open': {
    level: 'SHOULD',
    section: `${aws}/lambda/latest/dg/urls-auth.html`,
    fix: 'Set AuthType AWS_IAM, or keep others out by CloudFront’s secret header and verify tokens in the function.',
    wrong: ({ of }) =>
      of('AWS::Lambda::Url')
        .filter(({ properties }) => properties.AuthType === 'NONE')
        .map(({ id }) => [id, 'Its auth type is NONE: whoever knows the URL may call.']),
  },
  'url-buffered': {
    level: 'SHOULD',
    section: `${aws}/lambda/latest/dg/configuration-response-streaming.html`,
    fix: 'Set InvokeMode: RESPONSE_STREAM.',
    wrong: ({ of }) =>
      of('AWS::Lambda::Url')
        .filter(({ properties }) => properties.InvokeMode !== 'RESPONSE_STREAM')
        .map(({ id }) => [id, 'Its invoke mode is BUFFERED: progress arrives with the result.']),
  },
  'url-with-tenants': {
    level: 'MUST',
    section: `${aws}/lambda/latest/dg/tenant-isolation.html`,
    fix: 'Remove TenancyConfig, or the function URL.',
    wrong: ({ of }) =>
      of('AWS::Lambda::Function')
        .filter(
          ({ id, properties }) =>
            object(properties.TenancyConfig).TenantIsolationMode !== undefined &&
            of('AWS::Lambda::Url').some((url) => named(url.properties.TargetFunctionArn) === id),
        )
        .map(({ id }) => [id, 'Tenant isolation cannot be combined with a function URL.']),
  },
  'cors-options': {
    level: 'MUST',
    section: `${aws}/lambda/latest/api/API_Cors.html`,
    fix: 'Leave OPTIONS out of AllowMethods: the URL answers preflights by itself.',
    wrong: ({ of }) =>
      of('AWS::Lambda::Url')
        .filter(
          ({ properties }) =>
            Array.isArray(object(properties.Cors).AllowMethods) &&
            (object(properties.Cors).AllowMethods as unknown[]).includes('OPTIONS'),
        )
        .map(({ id }) => [id, 'AllowMethods has OPTIONS, which the API refuses.']),
  },
  'runtime-ended': {
    level: 'MUST',
    section: `${aws}/lambda/latest/dg/lambda-runtimes.html`,
    fix: 'Set Runtime: nodejs24.x.',
    wrong: ({ of }) =>
      of('AWS::Lambda::Function')
        .filter(({ properties }) =>
          /^(nodejs(\d|1[0-8]|20)?(\.x)?|python(2\.7|3\.[6-9]))$/.test(text(properties.Runtime)),
        )
        .map(({ id, properties }) => [id, `The runtime ${text(properties.Runtime)} has come to its end.`]),
  },
  'alb-idle-short': {
    level: 'MUST',
    section: `${aws}/elasticloadbalancing/latest/application/edit-load-balancer-attributes.html`,
    fix: 'Set idle_timeout.timeout_seconds to 300 or more, and send a comment every 25 s.',
    wrong: (template) =>
      template
        .of('AWS::ElasticLoadBalancingV2::LoadBalancer')
        .filter(
          ({ properties }) =>
            (number(attributes(properties.LoadBalancerAttributes).get('idle_timeout.timeout_seconds') ?? 60) || 60) <=
            Math.max(60, longest(template)),
        )
        .map(({ id }) => [id, 'Its idle timeout is 60 s or less than a tool may take: a quiet stream is cut.']),
  },
  'alb-http': {
    level: 'MUST',
    section: `${aws}/elasticloadbalancing/latest/application/create-https-listener.html`,
    fix: 'Use an HTTPS listener with a certificate; OAuth needs it.',
    wrong: ({ of }) =>
      of('AWS::ElasticLoadBalancingV2::Listener')
        .filter(
          ({ properties }) =>
            properties.Protocol === 'HTTP' && !list(properties.DefaultActions).some(({ Type }) => Type === 'redirect'),
        )
        .map(({ id }) => [id, 'It takes plain HTTP: tokens are readable on the way.']),
  },
  'alb-lambda-target': {
    level: 'MUST',
    section: `${aws}/elasticloadbalancing/latest/application/lambda-functions.html`,
    fix: 'Use a function URL: a load balancer cannot stream from a Lambda, and takes 1 MB each way.',
    wrong: ({ of }) =>
      of('AWS::ElasticLoadBalancingV2::TargetGroup')
        .filter(({ properties }) => properties.TargetType === 'lambda')
        .map(({ id }) => [id, 'Its target is a Lambda: 1 MB each way, and no streams.']),
  },
  'stop-before-drained': {
    level: 'SHOULD',
    section: `${aws}/AmazonECS/latest/developerguide/load-balancer-connection-draining.html`,
    fix: 'Set deregistration_delay.timeout_seconds to no more than the StopTimeout of the container, at most 120.',
    wrong: ({ of }) => {
      const stops = of('AWS::ECS::TaskDefinition').flatMap(({ properties }) =>
        list(properties.ContainerDefinitions).map((each) => number(each.StopTimeout ?? 30)),
      )
      const stop = Math.min(...stops)
      return stops.length === 0
        ? []
        : of('AWS::ElasticLoadBalancingV2::TargetGroup')
            .filter(
              ({ properties }) =>
                number(
                  attributes(properties.TargetGroupAttributes).get('deregistration_delay.timeout_seconds') ?? 300,
                ) > stop,
            )
            .map(({ id }) => [
              id,
              `It drains longer than the container has to stop (${stop} s): calls in flight are killed.`,
            ])
    },
  },
  'task-image-architecture': {
    level: 'SHOULD',
    section: `${aws}/AmazonECS/latest/developerguide/ecs-arm64.html`,
    fix: 'Say RuntimePlatform.CpuArchitecture: ARM64 or X86_64, as the image is.',
    wrong: ({ of }) =>
      of('AWS::ECS::TaskDefinition')
        .filter(({ properties }) => object(properties.RuntimePlatform).CpuArchitecture === undefined)
        .map(({ id }) => [id, 'It does not say its CPU architecture: X86_64 is taken.']),
  },
  'stateful-not-sticky': {
    level: 'SHOULD',
    section: `${aws}/elasticloadbalancing/latest/application/edit-target-group-attributes.html`,
    fix: 'Keep sessions outside the tasks, or take FAIRLEAD_SESSIONS stateless: clients do not keep the cookie of a sticky target.',
    wrong: ({ of }) =>
      of('AWS::ECS::Service')
        .filter(({ properties }) => number(properties.DesiredCount ?? 1) > 1)
        .filter(() =>
          of('AWS::ECS::TaskDefinition').some(({ properties }) =>
            list(properties.ContainerDefinitions).some((each) =>
              list(each.Environment).some(({ Name, Value }) => /SESSIONS/.test(text(Name)) && Value === 'memory'),
            ),
          ),
        )
        .map(({ id }) => [id, 'More than one task, and sessions in the memory of each.']),
  },
  'cloudfront-timeout-short': {
    level: 'MUST',
    section: `${aws}/AmazonCloudFront/latest/DeveloperGuide/DownloadDistValuesOrigin.html#DownloadDistValuesOriginResponseTimeout`,
    fix: 'Set OriginReadTimeout to more than a tool is silent: up to 120.',
    wrong: (template) =>
      distributions(template).flatMap(({ id, config }) =>
        list(config.Origins)
          .filter(
            (origin) =>
              number(object(origin.CustomOriginConfig).OriginReadTimeout ?? 30) <= Math.min(30, longest(template)) &&
              longest(template) > 0,
          )
          .map((): [string, string] => [id, 'It waits 30 s for an answer, and a tool may take longer.']),
      ),
  },
  'cloudfront-caches': {
    level: 'MUST',
    section: `${aws}/AmazonCloudFront/latest/DeveloperGuide/using-managed-cache-policies.html`,
    fix: 'Use the managed cache policy CachingDisabled (4135ea2d-6df8-44a3-9df3-4b5a84be39ad).',
    wrong: (template) =>
      distributions(template)
        .filter(
          ({ config }) =>
            text(object(config.DefaultCacheBehavior).CachePolicyId) !== '' &&
            text(object(config.DefaultCacheBehavior).CachePolicyId) !== '4135ea2d-6df8-44a3-9df3-4b5a84be39ad',
        )
        .map(({ id }) => [id, 'It caches: one caller’s answer may reach another.']),
  },
  'cloudfront-host': {
    level: 'MUST',
    section: `${aws}/AmazonCloudFront/latest/DeveloperGuide/using-managed-origin-request-policies.html`,
    fix: 'Use AllViewerExceptHostHeader (b689b0a8-53d0-40ab-baf2-68738e2966ac): a function URL answers to its own name alone.',
    wrong: (template) =>
      distributions(template)
        .filter(
          ({ config }) =>
            text(object(config.DefaultCacheBehavior).OriginRequestPolicyId) === '216adef6-5c7f-47e4-b989-5492eafa07d3',
        )
        .map(({ id }) => [id, 'It forwards the viewer’s Host (AllViewer).']),
  },
  'cloudfront-oac-bearer': {
    level: 'MUST',
    section: `${aws}/AmazonCloudFront/latest/DeveloperGuide/private-content-restricting-access-to-lambda.html`,
    fix: 'Use a secret header in place of OAC: it overwrites Authorization, which carries the bearer token.',
    wrong: (template) =>
      template
        .of('AWS::CloudFront::OriginAccessControl')
        .filter(({ properties }) => {
          const config = object(properties.OriginAccessControlConfig)
          return config.OriginAccessControlOriginType === 'lambda' && config.SigningBehavior === 'always'
        })
        .map(({ id }) => [
          id,
          'It signs every request to the function: a bearer token is overwritten, and a POST needs x-amz-content-sha256 from the viewer.',
        ]),
  },
  'waf-blocks-mcp': {
    level: 'SHOULD',
    section: `${aws}/waf/latest/developerguide/aws-managed-rule-groups-baseline.html`,
    fix: 'Count SizeRestrictions_BODY, EC2MetaDataSSRF_BODY, GenericRFI_BODY and NoUserAgent_HEADER on /mcp and the OAuth paths.',
    wrong: ({ of }) =>
      of('AWS::WAFv2::WebACL')
        .filter(({ properties }) =>
          list(properties.Rules).some((rule) => {
            const group = object(object(rule.Statement).ManagedRuleGroupStatement)
            return (
              group.Name === 'AWSManagedRulesCommonRuleSet' &&
              // It looks at other paths than those.
              object(group.ScopeDownStatement).NotStatement === undefined &&
              !list(group.RuleActionOverrides).some(({ Name }) => Name === 'SizeRestrictions_BODY')
            )
          }),
        )
        .map(({ id }) => [id, 'The common rule set blocks bodies over 8 kB and loopback redirect URIs.']),
  },
  'rest-edge-stream': {
    level: 'SHOULD',
    section: `${aws}/apigateway/latest/developerguide/response-transfer-mode.html`,
    fix: 'Make the API REGIONAL: an edge-optimised one cuts a stream that is silent for 30 s.',
    wrong: ({ of }) =>
      of('AWS::ApiGateway::RestApi')
        .filter(
          ({ properties }) =>
            !(object(properties.EndpointConfiguration).Types as unknown[] | undefined)?.some(
              (each) => each === 'REGIONAL' || each === 'PRIVATE',
            ),
        )
        .map(({ id }) => [id, 'It is edge-optimised.']),
  },
  'rest-challenge-remapped': {
    level: 'SHOULD',
    section: `${aws}/apigateway/latest/developerguide/api-gateway-known-issues.html`,
    fix: 'Add an AWS::ApiGateway::GatewayResponse for UNAUTHORIZED with gatewayresponse.header.WWW-Authenticate.',
    wrong: ({ of }) =>
      of('AWS::ApiGateway::RestApi')
        .filter(
          () =>
            !of('AWS::ApiGateway::GatewayResponse').some(
              ({ properties }) =>
                properties.ResponseType === 'UNAUTHORIZED' &&
                JSON.stringify(properties.ResponseParameters ?? {}).includes('WWW-Authenticate'),
            ),
        )
        .map(({ id }) => [id, 'WWW-Authenticate of its backend arrives renamed.']),
  },
  'self-sign-up': {
    level: 'SHOULD',
    section: `${aws}/cognito/latest/developerguide/signing-up-users-in-your-app.html`,
    fix: 'Set AdminCreateUserConfig.AllowAdminCreateUserOnly: true.',
    wrong: ({ of }) =>
      of('AWS::Cognito::UserPool')
        .filter(({ properties }) => object(properties.AdminCreateUserConfig).AllowAdminCreateUserOnly !== true)
        .map(({ id }) => [id, 'Anybody can sign up.']),
  },
  'implicit-grant': {
    level: 'MUST',
    section: 'https://www.rfc-editor.org/rfc/rfc9700#section-2.1.2',
    fix: 'Remove implicit from AllowedOAuthFlows.',
    wrong: ({ of }) =>
      of('AWS::Cognito::UserPoolClient')
        .filter(
          ({ properties }) =>
            Array.isArray(properties.AllowedOAuthFlows) && properties.AllowedOAuthFlows.includes('implicit'),
        )
        .map(({ id }) => [id, 'It allows the implicit grant.']),
  },
  'resource-server-missing': {
    level: 'MUST',
    section: `${aws}/cognito/latest/developerguide/cognito-user-pools-define-resource-servers.html`,
    fix: 'Add an AWS::Cognito::UserPoolResourceServer with that identifier and scope.',
    wrong: ({ of }) => {
      const known = new Set(of('AWS::Cognito::UserPoolResourceServer').map((each) => text(each.properties.Identifier)))
      return of('AWS::Cognito::UserPoolClient').flatMap(({ id, properties: { AllowedOAuthScopes } }) =>
        (Array.isArray(AllowedOAuthScopes) ? AllowedOAuthScopes : [])
          .map(text)
          .filter((scope) => scope.includes('/') && !known.has(scope.slice(0, scope.lastIndexOf('/'))))
          .map((scope): [string, string] => [id, `It asks for ${scope}, and no resource server has that.`]),
      )
    },
  },
  'cognito-domain-uppercase': {
    level: 'MUST',
    section: `${aws}/cognito/latest/developerguide/cognito-user-pools-assign-domain.html`,
    fix: 'Write the domain in lower case.',
    wrong: ({ of }) =>
      of('AWS::Cognito::UserPoolDomain')
        .filter(({ properties }) => /[A-Z]/.test(text(properties.Domain)))
        .map(({ id }) => [id, `The domain ${text(properties(of, id).Domain)} has capitals.`]),
  },
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
} as const satisfies Record<string, Rule>

function properties(of: Template['of'], id: string): Properties {
  return of('AWS::Cognito::UserPoolDomain').find((each) => each.id === id)?.properties ?? {}
}

function distributions({ of }: Template): { id: string; config: Properties }[] {
  return of('AWS::CloudFront::Distribution').map(({ id, properties }) => ({
    id,
    config: object(properties.DistributionConfig),
  }))
}

/** Looks for the faults that are visible in a CloudFormation template, as JSON: cdk synth writes it. Throws TEMPLATE_UNREADABLE. */
export function lintTemplate(json: string): TemplateFinding[] {
  const template = parse(json)
  return Object.entries<Rule>(templateRules).flatMap(([id, { level, fix, section, wrong }]) =>
    wrong(template).map(([resource, says]) => ({ id, level, resource, says, fix, section })),
  )
}

function parse(json: string): Template {
  let document: unknown
  try {
    document = JSON.parse(json.replace(/^\ufeff/, ''))
  } catch (error) {
    throw new FairleadError('TEMPLATE_UNREADABLE', 'The template is not JSON', { cause: error })
  }
  const all = object(object(document).Resources)
  if (Object.keys(all).length === 0) throw new FairleadError('TEMPLATE_UNREADABLE', 'The template has no Resources')
  const resources = Object.entries(all).map(([id, value]) => ({
    id,
    type: text(object(value).Type),
    properties: object(object(value).Properties),
  }))
  return { resources, of: (type) => resources.filter((each) => each.type === type) }
}
