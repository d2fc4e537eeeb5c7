import { describe, expect, it } from 'vitest'
import { noBindings } from '../../src/gateway/bindings.ts'
import { readTarget } from '../../src/gateway/definitions/read.ts'
import { preflight } from '../../src/gateway/open.ts'
import { oneOperation } from './openapi/recording.ts'
import { loadCedar } from '../../src/gateway/policies/cedar.ts'
import { policiesOf } from '../../src/gateway/policies/statements.ts'
import { apiTarget, lambdaTarget, mcpTarget, startGateway } from './support.ts'

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

  it('names policies that the policy engine would refuse', async () => {
    const policies = policiesOf(loadCedar(), [
      {
        name: 'a.cedar',
        text: `permit(principal, action, resource is AgentCore::Gateway);
permit(principal, action == AgentCore::Action::"orders___gone", resource == AgentCore::Gateway::"\${GatewayArn}");
permit(principal, action == AgentCore::Action::"api___op", resource == AgentCore::Gateway::"\${GatewayArn}")
when { context.input has q && context.input.q == "a" };
permit(principal, action == AgentCore::Action::"old___anything", resource == AgentCore::Gateway::"\${GatewayArn}");`,
      },
    ])
    const targets = [lambdaTarget(), apiTarget(query({ type: 'string' })), mcpTarget('old')]
    const findings = await preflight(
      targets.map((each) => readTarget(each)),
      noBindings,
      policies,
    )
    expect(findings.map(({ where, problem, refused }) => [where, problem, refused])).toEqual([
      ['a.cedar:2', 'unrecognized action `AgentCore::Action::"orders___gone"`', true],
      ['a.cedar:1', 'permits every tool of every gateway, which is overly permissive', true],
    ])
    const managed = startGateway([lambdaTarget()], { policies: policies.slice(0, 1), managed: true })
    await expect(managed).rejects.toMatchObject({ code: 'GATEWAY_NOT_PORTABLE' })
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
