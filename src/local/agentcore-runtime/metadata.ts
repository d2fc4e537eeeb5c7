import type { LightRequest } from '../../http/light-request.ts'
import type { Operation } from './operation.ts'

interface Described {
  arn: string
  oauth?: { issuer: string; scopes: readonly string[] }
}

/** The protected resource metadata of a runtime. @see https://www.rfc-editor.org/rfc/rfc9728#section-3.2 */
export function metadata(request: LightRequest, { qualifier }: Operation, { arn, oauth }: Described): unknown {
  return {
    authorization_servers: [oauth!.issuer],
    resource: `${invocationsUrl(request, arn)}?qualifier=${encodeURIComponent(qualifier)}`,
    ...(oauth!.scopes.length > 0 ? { scopes_supported: oauth!.scopes } : {}),
  }
}

/** The challenge that says where the metadata is: at the path's suffix, as AWS has it. */
export function challenge(
  request: LightRequest,
  { qualifier }: Operation,
  { arn }: Described,
): { headers: Record<string, string> } {
  const url = `${invocationsUrl(request, arn)}/.well-known/oauth-protected-resource?qualifier=${encodeURIComponent(qualifier)}`
  return { headers: { 'www-authenticate': `Bearer resource_metadata="${url}"` } }
}

function invocationsUrl(request: LightRequest, arn: string): string {
  return `http://${request.headers.get('host')}/runtimes/${encodeURIComponent(arn)}/invocations`
}
