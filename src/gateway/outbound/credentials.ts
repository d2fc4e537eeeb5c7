import type { Credentials } from '../../auth/sigv4/credentials.ts'
import { sign } from '../../auth/sigv4/sign.ts'
import { FairleadError } from '../../errors.ts'
import type { ApiKeyProvider, CredentialConfiguration } from '../definitions/types.ts'
import { clientCredentialsOf, type OauthClient } from './oauth.ts'

/** A request on its way to an upstream. */
export interface OutgoingRequest {
  method: string
  origin: string
  path: string
  headers: Record<string, string>
  body?: string | Buffer
}

/** Adds what lets the gateway in, to one request. */
export interface OutboundAuth {
  apply(request: OutgoingRequest): void | Promise<void>
  /** Forgets what was refused; true when it is worth another try. */
  refused?(): boolean
}

/** What the bindings, or AWS, know of credential providers. */
export interface Secrets {
  apiKey(providerArn: string): string | undefined
  oauthClient(providerArn: string): OauthClient | undefined
  /** Of the gateway's role. */
  roleCredentials(): Promise<Credentials>
  region: string
}

/**
 * Makes the outbound authentication of one target. Whatever it keeps, a token or a key, is in this target's closure alone,
 * so it cannot reach another one. Throws GATEWAY_BINDING.
 */
export function outboundAuth(configuration: CredentialConfiguration | undefined, secrets: Secrets): OutboundAuth {
  const provider = configuration?.credentialProvider
  if (provider?.iamCredentialProvider) return byIamRole(provider.iamCredentialProvider, secrets)
  if (provider?.apiKeyCredentialProvider) {
    const { providerArn } = provider.apiKeyCredentialProvider
    const key = secrets.apiKey(providerArn)
    if (key === undefined) throw unbound(providerArn, '{ "apiKeyEnv": "NAME" }')
    return byApiKey(provider.apiKeyCredentialProvider, key)
  }
  if (provider?.oauthCredentialProvider) {
    const { providerArn } = provider.oauthCredentialProvider
    const client = secrets.oauthClient(providerArn)
    if (!client)
      throw unbound(providerArn, '{ "clientId": "…", "clientSecretEnv": "NAME", "tokenEndpoint": "https://…" }')
    return clientCredentialsOf(provider.oauthCredentialProvider, client)
  }
  return { apply: () => {} }
}

function unbound(arn: string, example: string): FairleadError {
  return new FairleadError('GATEWAY_BINDING', `The bindings say nothing of the credential provider ${arn}`, {
    fix: `Add to the bindings: "credentialProviders": { "${arn}": ${example} }`,
  })
}

/** SigV4 for any service, in the region of the definition or of the gateway. */
function byIamRole({ service, region }: { service: string; region?: string }, secrets: Secrets): OutboundAuth {
  return {
    apply: async (request) => {
      const credentials = await secrets.roleCredentials()
      const body = typeof request.body === 'string' ? Buffer.from(request.body) : (request.body ?? Buffer.alloc(0))
      const rawHeaders = Object.entries(request.headers).flat()
      const signed = sign({ method: request.method, target: request.path, rawHeaders, body }, credentials, {
        service,
        region: region ?? secrets.region,
      })
      Object.assign(request.headers, signed)
    },
  }
}

/**
 * A header, `Authorization: Bearer KEY` unless the definition says otherwise, or a query parameter.
 * @see https://docs.aws.amazon.com/bedrock-agentcore-control/latest/APIReference/API_ApiKeyCredentialProvider.html
 */
function byApiKey(provider: ApiKeyProvider, key: string): OutboundAuth {
  const { credentialLocation = 'HEADER', credentialParameterName: name, credentialPrefix: prefix } = provider
  if (credentialLocation === 'QUERY_PARAMETER') {
    const pair = `${encodeURIComponent(name ?? 'api_key')}=${encodeURIComponent(prefix === undefined ? key : `${prefix}${key}`)}`
    return {
      apply: (request) => {
        request.path += `${request.path.includes('?') ? '&' : '?'}${pair}`
      },
    }
  }
  const header = (name ?? 'Authorization').toLowerCase()
  const spoken = prefix ?? (name === undefined ? 'Bearer' : undefined)
  const value = spoken === undefined ? key : `${spoken.trimEnd()} ${key}`
  return {
    apply: (request) => {
      request.headers[header] = value
    },
  }
}
