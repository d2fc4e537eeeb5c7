import { randomUUID } from 'node:crypto'
import { secretsOf, waysOf, type Bindings } from '../../gateway/bindings.ts'
import { TargetFailure } from '../../gateway/tool.ts'
import { listen, type Listening } from '../../http/node-server.ts'
import type { LocalFunctions } from './functions.ts'

/** The payload quota of Lambda, and a little. */
const largestBody = 7 * 1024 * 1024

const invocation = /^\/2015-03-31\/functions\/([^/?]+)\/invocations$/

/**
 * What a gateway that runs as a process of its own calls on AWS, on loopback: Lambda's Invoke for the functions of its targets,
 * and GetSecretValue for the secrets that the bindings name, with the value that they have here.
 * @see https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html
 * @see https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetSecretValue.html
 */
export async function startAwsOfGateway({
  functions,
  bindings,
}: {
  functions: LocalFunctions
  bindings: Bindings
}): Promise<Listening> {
  const secrets = secretValues(bindings, process.env)
  return listen(
    async (request) => {
      const [, named] = invocation.exec(new URL(request.url).pathname) ?? []
      const body = Buffer.from(await request.arrayBuffer())
      if (named !== undefined) return invoke(functions, decodeURIComponent(named), body, request)
      if (request.headers.get('x-amz-target') !== 'secretsmanager.GetSecretValue')
        return answer(400, { __type: 'UnknownOperationException' })
      const { SecretId: id } = JSON.parse(body.toString()) as { SecretId: string }
      const found = secrets.get(id)
      return found === undefined
        ? answer(400, { __type: 'ResourceNotFoundException' })
        : answer(200, { Name: id, SecretString: JSON.stringify(found) })
    },
    { maxBodyBytes: largestBody },
  )
}

async function invoke(functions: LocalFunctions, arn: string, payload: Buffer, request: Request): Promise<Response> {
  const clientContext = request.headers.get('x-amz-client-context') ?? Buffer.from('{}').toString('base64')
  const { signal } = request
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
