import { ecrCredentials } from './oci/ecr.ts'
import { parseReference } from './oci/reference.ts'
import type { RegistryOptions } from './oci/registry.ts'
import { openAws, type CredentialSource } from './toolkit-clients.ts'

/**
 * Gives what a base image in a private registry of Amazon ECR is read with: the caller's credentials, those of the standard
 * chain unless others are given. Undefined for every other registry, which is read anonymously.
 */
export function ecrBaseCredentials(reference: string, given?: CredentialSource): RegistryOptions['credentials'] {
  const [, region] =
    /^\d{12}\.dkr\.ecr\.([a-z0-9-]+)\.amazonaws\.com(?:\.cn)?$/.exec(parseReference(reference).registry) ?? []
  if (region === undefined) return undefined
  const { AWS_ENDPOINT_URL_ECR, AWS_ENDPOINT_URL } = process.env
  const endpoint = AWS_ENDPOINT_URL_ECR ?? AWS_ENDPOINT_URL
  const credentials = given ?? (async () => (await openAws({ region })).credentials())
  return ecrCredentials({ region, credentials, ...(endpoint ? { endpoint } : {}) })
}
