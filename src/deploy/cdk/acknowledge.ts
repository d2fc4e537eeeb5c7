import { Stack, Validations } from 'aws-cdk-lib'
import type { IConstruct } from 'constructs'

/**
 * Says why findings of cdk-nag's AwsSolutions do not hold for a construct and what it contains: rule → reason. What is known
 * only when it is deployed is named in a finding as `<AWS::AccountId>` or `<LogicalId.Arn>`.
 */
export function acknowledge(construct: IConstruct, findings: Record<string, string>): void {
  for (const [rule, reason] of Object.entries(findings))
    Validations.of(construct).acknowledge({
      id: `AwsSolutions-${flat(Stack.of(construct).resolve(rule))}`,
      reason,
    })
}

/** Writes references as cdk-nag does. */
function flat(value: unknown): string {
  if (typeof value === 'string') return value
  const { Ref, 'Fn::GetAtt': attribute, 'Fn::Join': joined } = value as Record<string, unknown>
  if (typeof Ref === 'string') return `<${Ref}>`
  if (Array.isArray(attribute)) return `<${attribute.join('.')}>`
  const [between, parts] = joined as [string, unknown[]]
  return parts.map(flat).join(between)
}
