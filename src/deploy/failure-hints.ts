import type { ErrorCode } from '../errors.ts'
import type { Platform } from '../platforms.ts'
import { everyPart, isPlatform } from './deployment.ts'

/** A reason is shown up to so many characters: what helps often stands at its end, such as the policy that denies. */
export const longestReason = 1024

interface Hint {
  /** What CloudFormation, or the service behind it, says. */
  says: RegExp
  /** Of this type of resource alone. */
  of?: string
  fix: (found: RegExpExecArray, on: Platform | undefined) => string
  code?: ErrorCode
}

/**
 * Reasons that resources fail for, and what helps, most special first. The texts are those of the services' handlers.
 * @see https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/troubleshooting.html (read 2026-11-25)
 */
const hints: readonly Hint[] = [
  {
    says: /not authorized to perform: ([\w:-]+).*explicit deny in (?:a|an) ((?:service control|resource control|session|identity-based|resource-based) policy|permissions boundary|VPC endpoint policy)/,
    fix: ([, action, policy]) => `${action} is denied by a policy above the role (${policy}): ask who keeps it, or deploy to another account or region.`, // prettier-ignore
  },
  // @see https://github.com/aws/aws-cdk/issues/36826 (read 2026-11-25)
  {
    says: /Gateway execution role lacks permission to invoke Lambda function (arn:[\w:-]+)/,
    fix: ([, arn]) => `The gateway tries the function before IAM knows the new role everywhere: run the same command again. If that does not help, look whether the function is there, and lets the gateway in if it is of another account: aws lambda get-function --function-name ${arn}`, // prettier-ignore
  },
  // @see https://github.com/aws/agentcore-cli/pull/1254 (read 2026-11-25)
  {
    says: /fetch tools from the provided MCP target server/i,
    fix: () => 'A new target asks the MCP server for its tools: it has to be reachable from the internet, and to let the gateway in. Look at the target’s endpoint: fairlead doctor URL', // prettier-ignore
  },
  {
    says: /(?:assumed-role\/(?!cdk-)([\w+=,.@-]+)\/\S+ is )?not authorized to perform: ([\w:-]+)/,
    fix: ([, role, action]) => `Allow ${action} to the role ${role ?? 'that CloudFormation works with (cdk-hnb659fds-cfn-exec-role-…)'}.`, // prettier-ignore
  },
  {
    says: /decreases account's UnreservedConcurrentExecution/,
    code: 'QUOTA_EXCEEDED',
    fix: (_found, on) =>
      `Lower ${on === 'agentcore-gateway' ? "platforms['agentcore-gateway'].lambda.concurrency" : 'platforms.lambda.concurrency'}, or ask for more: aws service-quotas request-service-quota-increase --service-code lambda --quota-code L-B99A9384 --desired-value 1000`,
  },
  {
    says: /maximum number of (addresses|VPCs|internet gateways|NAT gateways)|AddressLimitExceeded|VpcLimitExceeded/i,
    code: 'QUOTA_EXCEEDED',
    fix: (_found, on = 'fargate') => `Use a VPC that is there (${on === 'agentcore-gateway' ? "platforms['agentcore-gateway'].fargate.vpcId" : 'platforms.fargate.vpcId'}), or ask for more: aws service-quotas list-service-quotas --service-code vpc`, // prettier-ignore
  },
  {
    says: /quota|limit exceeded|LimitExceeded|Maximum number|too many/i,
    code: 'QUOTA_EXCEEDED',
    fix: () => 'Ask for more: https://console.aws.amazon.com/servicequotas',
  },
  {
    says: /already exists|AlreadyExists|EntityAlreadyExists|already associated/i,
    fix: () =>
      'Something outside of this stack has that name, perhaps kept from a stack that was destroyed. Delete it there, or use another --env or `name`.',
  },
  {
    says: /resource handler returned message: "(?:Unable to|Could not) (?:find|locate).*image|CannotPullContainer|image .* does not exist/i,
    fix: () => 'The image is not in the registry: fairlead deploy pushes it; look whether that step failed.',
  },
  {
    says: /circuit breaker|failed to stabilize|did not stabilize|NotStabilized/i,
    of: 'AWS::ECS::Service',
    fix: (_found, on = 'fargate') => `The tasks do not become healthy. Read why: fairlead logs --platform ${on}`,
  },
  {
    says: /certificate/i,
    fix: () => 'A certificate for CloudFront is of us-east-1 and issued: aws acm list-certificates --region us-east-1',
  },
  {
    says: /is not supported in|not available in (?:this|the) region|UnsupportedOperation/i,
    fix: () => 'Deploy to a region that has it: fairlead deploy --region us-east-1',
  },
  { says: /Rate exceeded|Throttling/, fix: () => 'Run the same command again in a minute.' },
]

/** What helps against a reason, where it is a known one: said of a resource of a stack, or of none. */
export function hintFor(
  reason: string,
  { stack = '', type }: { stack?: string; type?: string } = {},
): { fix?: string; code?: ErrorCode } {
  const on = everyPart.filter(isPlatform).find((name) => stack.endsWith(`-${name}`))
  for (const { says, of, fix, code } of hints) {
    const found = of === undefined || of === type ? says.exec(reason) : null
    if (found) return { fix: fix(found, on), ...(code ? { code } : {}) }
  }
  return {}
}
