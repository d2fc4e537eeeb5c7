import type { Credentials } from '../../auth/sigv4/credentials.ts'
import { sigv4Fetch } from '../../auth/sigv4/fetch.ts'
import { FairleadError } from '../../errors.ts'
import { quoted, readText } from '../../http/quoted.ts'
import type { RegistryCredentials } from './registry.ts'

/** The host of an account's private registry. @see https://docs.aws.amazon.com/AmazonECR/latest/userguide/Registries.html */
export function ecrRegistry(account: string, region: string): string {
  return `${account}.dkr.ecr.${region}.amazonaws.com${region.startsWith('cn-') ? '.cn' : ''}`
}

/**
 * Gives the credentials of ECR: a password that AWS makes for whoever signs the request, good for twelve hours and asked for
 * again a minute before its end. Throws REGISTRY_DENIED.
 * @see https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_GetAuthorizationToken.html
 */
export function ecrCredentials(options: {
  region: string
  credentials: Credentials | (() => Promise<Credentials>)
  endpoint?: string
  fetch?: typeof fetch
  now?: () => number
}): () => Promise<RegistryCredentials> {
  const { region, now = Date.now } = options
  const endpoint =
    options.endpoint ?? `https://api.ecr.${region}.amazonaws.com${region.startsWith('cn-') ? '.cn' : ''}/`
  const ask = sigv4Fetch({ ...options, service: 'ecr', now: () => new Date(now()) })
  let kept: { credentials: RegistryCredentials; until: number } | undefined
  return async () => {
    if (kept && now() < kept.until) return kept.credentials
    const response = await ask(endpoint, {
      method: 'POST',
      headers: {
        'content-type': 'application/x-amz-json-1.1',
        'x-amz-target': 'AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken',
      },
      body: '{}',
    })
    const text = (await readText(response, 64 * 1024)) ?? ''
    if (response.status !== 200)
      throw new FairleadError('REGISTRY_DENIED', `ECR gave no authorization token: ${response.status} ${quoted(text)}`)
    const { authorizationData: [data] = [] } = JSON.parse(text) as {
      authorizationData?: { authorizationToken: string; expiresAt: number }[]
    }
    if (!data) throw new FairleadError('REGISTRY_DENIED', 'ECR gave no authorization token')
    const [username = '', password = ''] = Buffer.from(data.authorizationToken, 'base64').toString().split(':')
    kept = { credentials: { username, password }, until: data.expiresAt * 1000 - 60_000 }
    return kept.credentials
  }
}
