import { describe, expect, it } from 'vitest'
import { noBindings } from '../../src/gateway/bindings.ts'
import { readTarget } from '../../src/gateway/definitions/read.ts'
import { preflight } from '../../src/gateway/open.ts'
import { oneOperation } from './openapi/recording.ts'
import { apiTarget, lambdaTarget, startGateway } from './support.ts'

const found = async (document: unknown) =>
  (await preflight([readTarget(apiTarget(document))], noBindings)).map(
    ({ problem, refused }) => `${refused ? 'refused' : 'differs'}: ${problem}`,
  )
const query = (schema: object, more: object = {}) =>
  oneOperation({ parameters: [{ name: 'q', in: 'query', schema, ...more }] })

describe('preflight', () => {
  it('has nothing to say of what the managed service takes', async () => {
    expect(await found(query({ type: 'string' }))).toEqual([])
  })

  it.each([
    ['Swagger 2.0', oneOperation({}, { swagger: '2.0' }), /refused: is Swagger 2.0/],
    ['an operation without operationId', oneOperation({ operationId: undefined }), /refused: has no operationId/],
    ['oneOf', query({ oneOf: [{ type: 'string' }, { type: 'integer' }] }), /refused: uses oneOf/],
    [
      'another style',
      query({ type: 'object' }, { style: 'deepObject' }),
      /refused: the parameter q is not sent in the default style/,
    ],
    [
      'a cookie',
      oneOperation({ parameters: [{ name: 'c', in: 'cookie', schema: { type: 'string' } }] }),
      /refused: the parameter c is a cookie/,
    ],
    [
      'a body that is no JSON',
      oneOperation({ requestBody: { content: { 'text/plain': {} } } }, { method: 'post' }),
      /differs: has a body of text\/plain/,
    ],
    ['another document', query({ $ref: 'https://x.example/a.json' }), /refused: refers to other documents/],
    [
      'too large a document',
      { ...query({ type: 'string' }), 'x-large': 'x'.repeat(1_100_000) },
      /refused: has \d+ bytes/,
    ],
  ])('names %s', async (_name, document, said) => {
    expect((await found(document)).join('\n')).toMatch(said)
  })

  it('counts tools', async () => {
    const tools = Array.from({ length: 1001 }, (_, at) => ({
      name: `t${at}`,
      description: 'd',
      inputSchema: { type: 'object' },
    }))
    const findings = await preflight([readTarget(lambdaTarget({}, tools))], noBindings)
    expect(findings).toEqual([
      { target: 'orders', where: 'the target', problem: 'has 1001 tools; the service takes 1000', refused: true },
    ])
  })

  it('is asked first where the gateway is to be managed: what is refused there is refused here', async () => {
    const managed = startGateway([apiTarget(oneOperation({}, { swagger: '2.0' }))], { managed: true })
    await expect(managed).rejects.toMatchObject({
      code: 'GATEWAY_NOT_PORTABLE',
      message: expect.stringContaining('Swagger 2.0'),
    })
  })
})
