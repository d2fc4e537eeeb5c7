import { afterEach, describe, expect, it } from 'vitest'
import { parametersUnder, resolveSettings } from '../../src/adapters/settings.ts'
import { listen } from '../../src/http/node-server.ts'
import { credentials, inEnv, startAwsJson, type AwsAnswer } from '../support/aws-json.ts'

const secretArn = 'arn:aws:secretsmanager:eu-west-1:111122223333:secret:fairlead-abc-AbCdEf'
const parameterArn = 'arn:aws:ssm:eu-west-1:111122223333:parameter/fairlead/sample/prod/place'

const open: { close(): Promise<void> }[] = []
afterEach(async () => {
  await Promise.all(open.splice(0).map((server) => server.close()))
})

async function startAws(answer: AwsAnswer) {
  const aws = await startAwsJson('eu-west-1', answer)
  open.push(aws)
  return aws
}

const both: AwsAnswer = (call) =>
  call.target === 'secretsmanager.GetSecretValue'
    ? { body: { SecretString: `the value of ${String(call.body.SecretId)}` } }
    : { body: { Parameter: { Value: `the value of ${String(call.body.Name)}` } } }

describe('the settings of an artifact', () => {
  it('come from Secrets Manager and SSM, by requests that are signed', async () => {
    const aws = await startAws(both)
    const env: NodeJS.ProcessEnv = {
      ...aws.env,
      ...inEnv,
      FAIRLEAD_SECRET_FROM: secretArn,
      FAIRLEAD_OAUTH_FROM: parameterArn,
      MAIL_FROM: 'ada@example.com',
    }
    await resolveSettings(env)
    expect(env).toMatchObject({
      FAIRLEAD_SECRET: `the value of ${secretArn}`,
      FAIRLEAD_OAUTH: `the value of ${parameterArn}`,
      MAIL_FROM: 'ada@example.com',
    })
    expect(env).not.toHaveProperty('FAIRLEAD_SECRET_FROM')
    expect(aws.calls.map(({ target }) => target).toSorted()).toEqual([
      'AmazonSSM.GetParameter',
      'secretsmanager.GetSecretValue',
    ])
  })

  it('ask nobody when there is nothing to look up', async () => {
    const env = { A_FROM: 'here', HOME: '/' }
    await resolveSettings(env)
    expect(env).toEqual({ A_FROM: 'here', HOME: '/' })
  })

  it('are read with the credentials of an ECS task', async () => {
    const aws = await startAws(both)
    const container = await listen(async (request) =>
      request.headers.get('authorization') === 'the-token' && new URL(request.url).pathname === '/v2/credentials/x'
        ? Response.json({
            AccessKeyId: credentials.accessKeyId,
            SecretAccessKey: credentials.secretAccessKey,
            Token: credentials.sessionToken,
          })
        : new Response('no', { status: 403 }),
    )
    open.push(container)
    const env: NodeJS.ProcessEnv = {
      ...aws.env,
      AWS_CONTAINER_CREDENTIALS_FULL_URI: `${container.url}/v2/credentials/x`,
      AWS_CONTAINER_AUTHORIZATION_TOKEN: 'the-token',
      ONE_FROM: secretArn,
    }
    await resolveSettings(env)
    expect(env.ONE).toBe(`the value of ${secretArn}`)
  })

  it('are read with the credentials of a microVM, by version 2 of the metadata service', async () => {
    const aws = await startAws(both)
    const metadata = await listen(async (request) => {
      const { pathname } = new URL(request.url)
      if (pathname === '/latest/api/token')
        return new Response(request.method === 'PUT' ? 'session' : '', { status: request.method === 'PUT' ? 200 : 405 })
      if (request.headers.get('x-aws-ec2-metadata-token') !== 'session') return new Response('', { status: 401 })
      if (pathname.endsWith('/security-credentials/')) return new Response('execution_role')
      return Response.json({
        AccessKeyId: credentials.accessKeyId,
        SecretAccessKey: credentials.secretAccessKey,
        Token: credentials.sessionToken,
      })
    })
    open.push(metadata)
    const env: NodeJS.ProcessEnv = {
      ...aws.env,
      AWS_EC2_METADATA_SERVICE_ENDPOINT: metadata.url,
      ONE_FROM: parameterArn,
    }
    await resolveSettings(env)
    expect(env.ONE).toBe(`the value of ${parameterArn}`)
  })

  it('never send credentials of a container to a host that is none', async () => {
    const env = { AWS_CONTAINER_CREDENTIALS_FULL_URI: 'http://example.com/', ONE_FROM: secretArn }
    await expect(resolveSettings(env)).rejects.toMatchObject({ code: 'SETTING_UNREADABLE' })
  })

  it('are asked for once more after a failure of the service, and once only', async () => {
    const aws = await startAws((call, at) => (at === 1 ? { status: 500, body: {} } : both(call, at)))
    const env: NodeJS.ProcessEnv = { ...aws.env, ...inEnv, ONE_FROM: secretArn }
    await resolveSettings(env)
    expect(env.ONE).toBe(`the value of ${secretArn}`)
    const down = await startAws(() => ({ status: 503, body: {} }))
    await expect(resolveSettings({ ...down.env, ...inEnv, ONE_FROM: secretArn })).rejects.toMatchObject({
      code: 'SETTING_UNREADABLE',
    })
    expect(down.calls).toHaveLength(2)
  })

  it('that may not be read are named with their variable and ARN, at once', async () => {
    const aws = await startAws(() => ({ status: 400, body: { __type: 'com.amazonaws#AccessDeniedException' } }))
    const env = { ...aws.env, ...inEnv, FAIRLEAD_SECRET_FROM: secretArn }
    await expect(resolveSettings(env)).rejects.toMatchObject({
      code: 'SETTING_UNREADABLE',
      message: `FAIRLEAD_SECRET_FROM names ${secretArn}, which cannot be read: GetSecretValue answered 400, AccessDeniedException`,
    })
    expect(aws.calls).toHaveLength(1)
  })

  it.each([
    [
      { FAIRLEAD_SECRET_FROM: 'the-secret-itself' },
      'FAIRLEAD_SECRET_FROM is not the ARN of a secret or of a parameter',
    ],
    [{ ONE_FROM: secretArn, ONE: 'x' }, 'Both ONE and ONE_FROM are set'],
  ])('that cannot be meant are refused: %o', async (env, message) => {
    await expect(resolveSettings(env)).rejects.toMatchObject({ code: 'SETTING_INVALID', message })
  })

  it('are read by path, page by page', async () => {
    const aws = await startAws(({ body }) =>
      body.NextToken === undefined
        ? { body: { Parameters: [{ Value: 'a' }, { Value: 'b' }], NextToken: 'more' } }
        : { body: { Parameters: [{ Value: 'c' }] } },
    )
    const arn = 'arn:aws:ssm:eu-west-1:111122223333:parameter/fairlead/sample/prod/resources/'
    const env = { ...aws.env, ...inEnv, FAIRLEAD_RESOURCES_FROM: arn }
    // Read when somebody asks, not on start: it is a list that grows.
    await resolveSettings(env)
    expect(aws.calls).toEqual([])
    expect(await parametersUnder(env, 'FAIRLEAD_RESOURCES_FROM')).toEqual(['a', 'b', 'c'])
    expect(aws.calls[0]).toEqual({
      target: 'AmazonSSM.GetParametersByPath',
      body: { Path: '/fairlead/sample/prod/resources', WithDecryption: true },
    })
  })
})
