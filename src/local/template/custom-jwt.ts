/**
 * CloudFormation's `CustomJWTAuthorizer` in the words of AWS's API. Keys of the scope mapping are the user's own.
 * @see https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-properties-bedrockagentcore-runtime-customjwtauthorizerconfiguration.html
 */
export function jwtOf(authorizer: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(authorizer).map(([key, value]) => [
      camel(key),
      key === 'AdvertisedScopeMapping' ? value : camelKeys(value),
    ]),
  )
}

function camelKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(camelKeys)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [camel(key), camelKeys(each)]))
}

function camel(key: string): string {
  return key.charAt(0).toLowerCase() + key.slice(1)
}
