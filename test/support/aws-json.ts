import { verify } from '../../src/auth/sigv4/verify.ts'
import type { LightRequest } from '../../src/http/light-request.ts'
import { listen } from '../../src/http/node-server.ts'

export const credentials = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'a-secret-key', sessionToken: 'a-session' }

/** The same, as a process has them. */
export const inEnv = {
  AWS_ACCESS_KEY_ID: credentials.accessKeyId,
  AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
  AWS_SESSION_TOKEN: credentials.sessionToken,
}

export interface AwsCall {
  /** `AmazonSSM.GetParameter` */
  target: string
  body: Record<string, unknown>
}

export type AwsAnswer = (call: AwsCall, at: number) => { status?: number; body: unknown }

const services: Record<string, string> = {
  AmazonSSM: 'ssm',
  AWSCognitoIdentityProviderService: 'cognito-idp',
  secretsmanager: 'secretsmanager',
}

/** The JSON services of AWS that an artifact asks, as far as they are asked: nothing is answered whose signature is not right. */
export async function startAwsJson(region: string, answer: AwsAnswer) {
  const calls: AwsCall[] = []
  const server = await listen(async (request) => {
    const light = request as unknown as LightRequest
    const target = light.headers.get('x-amz-target') ?? ''
    const checked = verify(
      { method: light.method, target: light.target, rawHeaders: light.rawHeaders, body: light.bytes },
      {
        service: services[target.split('.', 1)[0]!] ?? '',
        region,
        lookup: (id) => (id === credentials.accessKeyId ? credentials : undefined),
      },
    )
    if (!checked.ok) return Response.json({ __type: `Refused ${checked.reason}` }, { status: 403 })
    const call = { target, body: (await light.json()) as Record<string, unknown> }
    calls.push(call)
    const { status = 200, body } = answer(call, calls.length)
    return Response.json(body, { status })
  })
  const env = {
    AWS_ENDPOINT_URL_SSM: server.url,
    AWS_ENDPOINT_URL_SECRETS_MANAGER: server.url,
    AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER: server.url,
  }
  return { calls, env, close: () => server.close() }
}
