import { aws, list, longest, number, object, text, type Properties, type Rule, type Template } from './rule.ts'

/** What a template says of CloudFront, the firewall and API Gateway. */
export const edgeRules = {
  'cloudfront-timeout-short': {
    level: 'MUST',
    section: `${aws}/AmazonCloudFront/latest/DeveloperGuide/DownloadDistValuesOrigin.html#DownloadDistValuesOriginResponseTimeout`,
    fix: 'Set OriginReadTimeout to more than a tool is silent: up to 120.',
    wrong: (template) =>
      distributions(template).flatMap(({ id, config }) =>
        list(config.Origins)
          .filter(
            (origin) =>
              number(object(origin.VpcOriginConfig ?? origin.CustomOriginConfig).OriginReadTimeout ?? 30) <=
                Math.min(30, longest(template)) && longest(template) > 0,
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
            // A load balancer answers to any name.
            !list(config.Origins).some((origin) => origin.VpcOriginConfig !== undefined) &&
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
} as const satisfies Record<string, Rule>

function distributions({ of }: Template): { id: string; config: Properties }[] {
  return of('AWS::CloudFront::Distribution').map(({ id, properties }) => ({
    id,
    config: object(properties.DistributionConfig),
  }))
}
