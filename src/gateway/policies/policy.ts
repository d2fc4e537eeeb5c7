/** One policy of Cedar, as CreatePolicy takes it. */
export interface Policy {
  name: string
  /** With `${GatewayArn}` where the gateway's ARN belongs. */
  statement: string
  /** Where it stands: `policies/refunds.cedar:3`. */
  where?: string
}
