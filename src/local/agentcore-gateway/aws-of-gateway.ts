import { randomUUID } from 'node:crypto'
import type { Credentials } from '../../auth/sigv4/credentials.ts'
import { verify } from '../../auth/sigv4/verify.ts'
import { secretsOf, waysOf, type Bindings } from '../../gateway/bindings.ts'
import { TargetFailure } from '../../gateway/tool.ts'
import type { LightRequest } from '../../http/light-request.ts'
import { listen, type Listening } from '../../http/node-server.ts'
import { localAccount } from '../../platforms.ts'
import type { LocalFunctions } from './functions.ts'

/** The payload quota of Lambda, and a little. */
const largestBody = 7 * 1024 * 1024

const invocation = /^\/2015-03-31\/functions\/([^/?]+)\/invocations$/

/**
 * What a gateway that runs as a process of its own calls on AWS, on loopback: Lambda's Invoke for the functions of its targets,
 * and GetSecretValue for the secrets that the bindings name, with the value that they have here. Only who signs as its role is
 * answered: others on this machine have no business with its secrets.
 * @see https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html
 * @see https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetSecretValue.html
 */
export async function startAwsOfGateway({ role, functions, bindings }: AwsOfGateway): Promise<Listening> {
  const secrets = secretValues(bindings, process.env)
  return listen(
    async (request) => {
      const light = request as unknown as LightRequest
      const [, named] = invocation.exec(light.target) ?? []
      if (named !== undefined) {
        const arn = decodeURIComponent(named)
        if (!isRole(light, role, { service: 'lambda', region: arn.split(':')[3] ?? '' })) return denied()
        return invoke(functions, arn, light)
      }
      if (light.headers.get('x-amz-target') !== 'secretsmanager.GetSecretValue')
        return answer(400, { __type: 'UnknownOperationException' })
      const id = secretIdOf(light.bytes)
      const region = id?.startsWith('arn:') ? id.split(':')[3]! : localAccount.region
      if (!isRole(light, role, { service: 'secretsmanager', region })) return denied()
      const found = id === undefined ? undefined : secrets.get(id)
      return found === undefined
        ? answer(400, { __type: 'ResourceNotFoundException' })
        : answer(200, { Name: id, SecretString: JSON.stringify(found) })
    },
    { maxBodyBytes: largestBody },
  )
}

export interface AwsOfGateway {
  /** Whom the gateway signs as. */
  role: Credentials
  functions: LocalFunctions
  bindings: Bindings
}

function isRole(
  { method, target, rawHeaders, bytes }: LightRequest,
  role: Credentials,
  scope: { service: string; region: string },
): boolean {
  const lookup = (id: string) => (id === role.accessKeyId ? role : undefined)
  return verify({ method, target, rawHeaders, body: bytes }, { ...scope, lookup }).ok
}

function denied(): Response {
  return answer(403, { __type: 'AccessDeniedException' })
}

function secretIdOf(bytes: Uint8Array): string | undefined {
  try {
    const { SecretId: id } = JSON.parse(Buffer.from(bytes).toString()) as { SecretId?: unknown }
    return typeof id === 'string' ? id : undefined
  } catch {
    return undefined
  }
}

async function invoke(
  functions: LocalFunctions,
  arn: string,
  { headers, bytes, signal }: LightRequest,
): Promise<Response> {
  const clientContext = headers.get('x-amz-client-context') ?? Buffer.from('{}').toString('base64')
  const payload = Buffer.from(bytes)
  try {
    const made = await functions.invoke({ arn, payload, clientContext, requestId: randomUUID(), signal })
    return new Response(Uint8Array.from(made.payload), {
      headers: {
        'content-type': 'application/json',
        ...(made.functionError === undefined ? {} : { 'x-amz-function-error': made.functionError }),
      },
    })
  } catch (error) {
    if (!(error instanceof TargetFailure)) throw error
    return answer(502, { __type: 'ServiceException', message: error.message })
  }
}

/** By the id of the secret: its JSON, as far as the bindings know it here. */
function secretValues(bindings: Bindings, env: NodeJS.ProcessEnv): Map<string, Record<string, string>> {
  const { apiKey, oauthClient } = secretsOf(bindings, env)
  const found = new Map<string, Record<string, string>>()
  for (const [arn, given] of Object.entries(bindings.credentialProviders ?? {})) {
    const { config } = waysOf(given)
    const value = config && ('clientId' in given ? oauthClient(arn)?.clientSecret : apiKey(arn))
    if (config && value !== undefined)
      found.set(config.secretId, { ...found.get(config.secretId), [config.jsonKey]: value })
  }
  return found
}

function answer(status: number, body: object): Response {
  return new Response(JSON.stringify(body), { status, headers: { 'content-type': 'application/x-amz-json-1.1' } })
}
