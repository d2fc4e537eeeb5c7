import { Annotations, type Stack } from 'aws-cdk-lib'
import { CfnWebACL } from 'aws-cdk-lib/aws-wafv2'
import { Construct } from 'constructs'
import { FairleadError } from '../../errors.ts'

export interface McpWebAclProps {
  scope: 'CLOUDFRONT' | 'REGIONAL'
  /** Where code, URLs of this machine and long bodies are ordinary: the MCP endpoint and the OAuth endpoints. */
  paths: readonly string[]
  /** Requests from one address in five minutes; 2,000 by default. */
  limit?: number
}

/**
 * Rules of the common rule set that block MCP and OAuth: bodies over 8 kB, loopback redirect URIs, URLs and code in tool
 * arguments, clients without User-Agent.
 * @see https://docs.aws.amazon.com/waf/latest/developerguide/aws-managed-rule-groups-baseline.html (read 2026-11-25)
 */
const counted = [
  'SizeRestrictions_BODY',
  'EC2MetaDataSSRF_BODY',
  'EC2MetaDataSSRF_QUERYARGUMENTS',
  'GenericRFI_BODY',
  'GenericRFI_QUERYARGUMENTS',
  'GenericLFI_BODY',
  'CrossSiteScripting_BODY',
  'NoUserAgent_HEADER',
]

/**
 * A web ACL that lets MCP and OAuth through: the rate limit comes first and nothing is let past it; the rules that would
 * refuse MCP count on its paths alone, and block everywhere else.
 */
export class McpWebAcl extends Construct {
  readonly acl: CfnWebACL
  readonly arn: string

  constructor(scope: Construct, id: string, { scope: where, paths, limit = 2000 }: McpWebAclProps) {
    super(scope, id)
    const onPaths = anyOf(paths)
    this.acl = new CfnWebACL(this, 'Acl', {
      scope: where,
      defaultAction: { allow: {} },
      visibilityConfig: visibility('fairlead'),
      rules: [
        {
          name: 'rate',
          priority: 0,
          action: { block: { customResponse: { responseCode: 429 } } },
          statement: { rateBasedStatement: { limit, aggregateKeyType: 'IP', evaluationWindowSec: 300 } },
          visibilityConfig: visibility('rate'),
        },
        managed('reputation', 1, 'AWSManagedRulesAmazonIpReputationList'),
        managed('bad-inputs', 2, 'AWSManagedRulesKnownBadInputsRuleSet'),
        managed('common', 3, 'AWSManagedRulesCommonRuleSet', { scopeDown: { notStatement: { statement: onPaths } } }),
        managed('common-mcp', 4, 'AWSManagedRulesCommonRuleSet', { scopeDown: onPaths, count: counted }),
      ],
    })
    this.arn = this.acl.attrArn
  }
}

/** The web ACL of a stack whose configuration asks for it. Throws DEPLOY_REGION where it cannot be. */
export function requiredWebAcl(stack: Stack, key: string): string {
  if (stack.region !== 'us-east-1')
    throw new FairleadError('DEPLOY_REGION', `\`${key}\` cannot be deployed in ${stack.region}`, {
      why: 'A web ACL for CloudFront is in us-east-1, and a stack is in one region.',
      fix: 'Deploy to us-east-1, or leave `waf` out and give a web ACL to the construct: new LambdaMcpServer(…, { webAclArn }).',
    })
  return new McpWebAcl(stack, 'WebAcl', { scope: 'CLOUDFRONT', paths: ['/mcp'] }).arn
}

/** The web ACL of a stack that has one where it can, and says so where it cannot. */
export function webAclIfThere(stack: Stack): string | undefined {
  if (stack.region === 'us-east-1') return requiredWebAcl(stack, '')
  Annotations.of(stack).addWarningV2('fairlead:web-acl', `There is no web ACL: one for CloudFront is in us-east-1, and this stack is in ${stack.region}.`) // prettier-ignore
  return undefined
}

function managed(
  name: string,
  priority: number,
  group: string,
  { scopeDown, count = [] }: { scopeDown?: CfnWebACL.StatementProperty; count?: readonly string[] } = {},
): CfnWebACL.RuleProperty {
  return {
    name,
    priority,
    overrideAction: { none: {} },
    statement: {
      managedRuleGroupStatement: {
        vendorName: 'AWS',
        name: group,
        ...(scopeDown ? { scopeDownStatement: scopeDown } : {}),
        ...(count.length > 0
          ? { ruleActionOverrides: count.map((rule) => ({ name: rule, actionToUse: { count: {} } })) }
          : {}),
      },
    },
    visibilityConfig: visibility(name),
  }
}

/** An `or` takes two statements at least. */
function anyOf(paths: readonly string[]): CfnWebACL.StatementProperty {
  const exact = paths.map((path): CfnWebACL.StatementProperty => ({
    byteMatchStatement: {
      fieldToMatch: { uriPath: {} },
      positionalConstraint: 'EXACTLY',
      searchString: path,
      textTransformations: [{ priority: 0, type: 'NONE' }],
    },
  }))
  return exact.length === 1 ? exact[0]! : { orStatement: { statements: exact } }
}

function visibility(metricName: string): CfnWebACL.VisibilityConfigProperty {
  return { cloudWatchMetricsEnabled: true, metricName, sampledRequestsEnabled: true }
}
