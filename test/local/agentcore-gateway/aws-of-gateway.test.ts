import { afterAll, beforeAll, expect, it } from 'vitest'
import { sigv4Fetch } from '../../../src/auth/sigv4/fetch.ts'
import { startAwsOfGateway } from '../../../src/local/agentcore-gateway/aws-of-gateway.ts'
import type { Listening } from '../../../src/http/node-server.ts'

/** What our own gateway calls on AWS, when it runs from its template: only that gateway is answered. */
const role = { accessKeyId: 'AKIAEXAMPLEROLE00000', secretAccessKey: 'secret-of-the-role-of-the-gateway' }
const orders = 'arn:aws:lambda:eu-west-1:111122223333:function:orders'
const provider =
  'arn:aws:bedrock-agentcore:us-east-1:111122223333:token-vault/default/apikeycredentialprovider/inventory'
let aws: Listening
const invoked: string[] = []

beforeAll(async () => {
  aws = await startAwsOfGateway({
    role,
    functions: {
      invoke: async ({ arn, payload }) => {
        invoked.push(arn)
        return { payload }
      },
      close: async () => {},
    },
    bindings: {
      dir: '.',
      credentialProviders: { [provider]: { apiKey: 'the-key', apiKeySecretConfig: { secretId: 'inventory', jsonKey: 'key' } } }, // prettier-ignore
    },
  })
})
afterAll(() => aws.close())

function secret(send: typeof fetch, body = JSON.stringify({ SecretId: 'inventory' })): Promise<Response> {
  return send(aws.url, {
    method: 'POST',
    headers: { 'content-type': 'application/x-amz-json-1.1', 'x-amz-target': 'secretsmanager.GetSecretValue' },
    body,
  })
}

function invoke(send: typeof fetch): Promise<Response> {
  const path = `/2015-03-31/functions/${encodeURIComponent(orders)}/invocations`
  return send(new URL(path, aws.url), { method: 'POST', body: '{"id":1}' })
}

it('gives a secret, and runs a function, for who signs as the role', async () => {
  const asked = await secret(sigv4Fetch({ credentials: role, service: 'secretsmanager', region: 'us-east-1' }))
  expect(await asked.json()).toMatchObject({ SecretString: '{"key":"the-key"}' })
  const ran = await invoke(sigv4Fetch({ credentials: role, service: 'lambda', region: 'eu-west-1' }))
  expect(await ran.text()).toBe('{"id":1}')
  expect(invoked).toEqual([orders])
})

it('gives nothing to anyone else on this machine', async () => {
  const before = invoked.length
  const other = { ...role, secretAccessKey: 'another' }
  for (const send of [fetch, sigv4Fetch({ credentials: other, service: 'secretsmanager', region: 'us-east-1' })]) {
    const asked = await secret(send)
    expect(asked.status).toBe(403)
    expect(await asked.text()).not.toContain('the-key')
  }
  for (const send of [fetch, sigv4Fetch({ credentials: other, service: 'lambda', region: 'eu-west-1' })])
    expect((await invoke(send)).status).toBe(403)
  expect(invoked).toHaveLength(before)
})

it('answers what it does not understand as AWS does', async () => {
  const signed = sigv4Fetch({ credentials: role, service: 'secretsmanager', region: 'us-east-1' })
  for (const body of ['{', '[]', '{"SecretId":7}', '{"SecretId":"other"}']) {
    const asked = await secret(signed, body)
    expect(asked.status).toBe(400)
    expect(await asked.text()).toMatch(/Exception/)
  }
})
