import { Validations } from 'aws-cdk-lib'
import type { IConstruct } from 'constructs'

/** Says why findings of cdk-nag's AwsSolutions do not hold for a construct and what it contains: rule → reason. */
export function acknowledge(construct: IConstruct, findings: Record<string, string>): void {
  for (const [rule, reason] of Object.entries(findings))
    Validations.of(construct).acknowledge({ id: `AwsSolutions-${rule}`, reason })
}
