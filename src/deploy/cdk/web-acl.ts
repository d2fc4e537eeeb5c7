import { CfnWebACL } from 'aws-cdk-lib/aws-wafv2'
import { Construct } from 'constructs'

export interface McpWebAclProps {
  scope: 'CLOUDFRONT' | 'REGIONAL'
  /** Where code, URLs of this machine and long bodies are ordinary: the MCP endpoint and the OAuth endpoints. */
  paths: readonly string[]
  /** Requests from one address in five minutes; 2,000 by default. */
  limit?: number
}

/**
 * Clients of MCP ask for what a server is, and where to sign in, without a User-Agent: everything below `/.well-known/` too.
 * @see https://github.com/modelcontextprotocol/python-sdk/issues/3531, https://github.com/anthropics/claude-code/issues/47390 (read 2026-11-25)
 */
const nameless = 'NoUserAgent_HEADER'

/** Code in tool arguments that is none here: what is said to a tool is text. */
const code = ['JavaDeserializationRCE_BODY', 'Log4JRCE_BODY']

/**
 * Rules of the common rule set that block MCP and OAuth: bodies over 8 kB, a query over 2 kB with many scopes in it, loopback
 * redirect URIs, URLs and code in tool arguments, clients without User-Agent.
 * @see https://docs.aws.amazon.com/waf/latest/developerguide/aws-managed-rule-groups-baseline.html (read 2026-11-25)
 */
const counted = [
  'SizeRestrictions_BODY',
  'SizeRestrictions_QUERYSTRING',
  'EC2MetaDataSSRF_BODY',
  'EC2MetaDataSSRF_QUERYARGUMENTS',
  'GenericRFI_BODY',
  'GenericRFI_QUERYARGUMENTS',
  'GenericLFI_BODY',
  'CrossSiteScripting_BODY',
  nameless,
]

/**
 * A web ACL that lets MCP and OAuth through: the rate limit comes first and nothing is let past it; the rules that would
 * refuse MCP count on its paths alone, and block everywhere else. A client need not say what it is anywhere.
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
        managed('bad-inputs', 2, 'AWSManagedRulesKnownBadInputsRuleSet', { count: code }),
        managed('common', 3, 'AWSManagedRulesCommonRuleSet', {
          scopeDown: { notStatement: { statement: onPaths } },
          count: [nameless],
        }),
        managed('common-mcp', 4, 'AWSManagedRulesCommonRuleSet', { scopeDown: onPaths, count: counted }),
      ],
    })
    this.arn = this.acl.attrArn
  }
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
