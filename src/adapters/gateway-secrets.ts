import { FairleadError } from '../errors.ts'
import { secretKey, waysOf, type Bindings, type SecretReference } from '../gateway/bindings.ts'
import { awsJson } from './aws-json.ts'

/**
 * Reads the secrets that bindings name in AWS Secrets Manager, each once. The answer is by `secretKey`.
 * Throws GATEWAY_BINDING, which names the secret and never has a value in it.
 * @see https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetSecretValue.html
 */
export async function readSecrets(
  { credentialProviders = {} }: Bindings,
  region: string,
  env: NodeJS.ProcessEnv,
): Promise<Map<string, string>> {
  const references = Object.values(credentialProviders).flatMap((given) => waysOf(given).config ?? [])
  const texts = new Map<string, Promise<string>>()
  const textOf = (secretId: string) => {
    const known = texts.get(secretId)
    if (known) return known
    const asked = getSecretValue(secretId, region, env)
    texts.set(secretId, asked)
    return asked
  }
  const found = await Promise.all(
    references.map(async (reference) => {
      const value = memberOf(await textOf(reference.secretId), reference)
      return [secretKey(reference), value] as const
    }),
  )
  return new Map(found)
}

/** A secret's ARN says where it is; one that is named is in the gateway's region. */
async function getSecretValue(secretId: string, region: string, env: NodeJS.ProcessEnv): Promise<string> {
  const [, partition = 'aws', , own = region] = secretId.startsWith('arn:') ? secretId.split(':') : []
  const asked = { service: 'secretsmanager', operation: 'GetSecretValue', body: { SecretId: secretId } } as const
  try {
    const answer = await awsJson({ ...asked, region: own, partition }, env)
    const { SecretString: text } = answer as { SecretString?: unknown }
    if (typeof text !== 'string') throw new Error('it has no text')
    return text
  } catch (error) {
    throw unreadable(secretId, error instanceof Error ? error.message : 'it failed')
  }
}

function memberOf(text: string, { secretId, jsonKey }: SecretReference): string {
  let value: unknown
  try {
    value = (JSON.parse(text) as Record<string, unknown> | null)?.[jsonKey]
  } catch {
    throw unreadable(secretId, 'it is not JSON')
  }
  if (typeof value === 'string' && value !== '') return value
  throw unreadable(secretId, `its JSON has no text at ${jsonKey}`)
}

function unreadable(secretId: string, why: string): FairleadError {
  return new FairleadError('GATEWAY_BINDING', `The secret ${secretId} cannot be read: ${why}`, {
    why: 'The bindings name it for a credential provider.',
    fix: 'Let the gateway’s role do secretsmanager:GetSecretValue on it, and give it JSON with that key.',
  })
}
