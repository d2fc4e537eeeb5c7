import { describe, expect, it } from 'vitest'
import type { Principal } from '../../src/http/fetch-handler.ts'
import { rememberClaims } from '../../src/gateway/policies/caller.ts'
import { loadCedar } from '../../src/gateway/policies/cedar.ts'
import { PolicyEngine } from '../../src/gateway/policies/engine.ts'
import { readsOf } from '../../src/gateway/policies/reads.ts'

const cedar = loadCedar()
const gatewayArn = 'arn:aws:bedrock-agentcore:us-east-1:000000000000:gateway/test-0123456789'

const reads = (condition: string) => {
  const parsed = cedar.policyToJson(`permit(principal, action, resource) when { ${condition} };`)
  if (parsed.type === 'failure') throw new Error(parsed.errors[0]!.message)
  const { inputs, tags, action } = readsOf(parsed.json.conditions)
  return { inputs: inputs && [...inputs], tags: tags && [...tags], action }
}

describe('what a condition reads', () => {
  it.each([
    ['true', [], [], false],
    ['context.input.a > 1 && context["input"].b.c == "x"', ['a', 'b'], [], false],
    ['context.input has a && context has input.b.c', ['a', 'b'], [], false],
    ['{"Value": context.input.a, "Var": context.input.b}.Value == 1', ['a', 'b'], [], false],
    [
      'if context.input has a then context.input.b like "x*" else [context.input.c].contains("d")',
      ['a', 'b', 'c'],
      [],
      false,
    ],
    ['context.input == {"a": 1}', undefined, [], false],
    ['context has input', [], [], false],
    ['principal.hasTag("role") && principal.getTag("role") == "a"', [], ['role'], false],
    ['principal.hasTag(context.input.a)', ['a'], undefined, false],
    ['(if true then principal else principal).hasTag("role")', [], undefined, false],
    ['action == AgentCore::Action::"x"', [], [], true],
    ['decimal("1.0").lessThan(context.input.a)', ['a'], [], false],
  ])('is found: %s', (condition, inputs, tags, action) => {
    expect(reads(condition)).toEqual({ inputs, tags, action })
  })
})

/** Cedar itself, with all of the call and each policy as it is written. */
function whole(text: string, principal: Principal, tags: Record<string, string>, input: Record<string, never>) {
  const action = { type: 'AgentCore::Action', id: 't___call' }
  const uid = { type: 'AgentCore::OAuthUser', id: principal.id }
  const parents = ['CallTool', 'Mcp'].map((id) => ({ type: 'AgentCore::Action', id }))
  const answer = cedar.isAuthorized({
    principal: uid,
    action,
    resource: { type: 'AgentCore::Gateway', id: gatewayArn },
    context: { input },
    policies: { staticPolicies: text },
    entities: [
      { uid, attrs: { id: principal.id }, parents: [], tags },
      { uid: action, attrs: {}, parents },
    ],
  })
  return answer.type === 'success' && answer.response.decision === 'allow'
}

describe('a decision from what is read', () => {
  it('is the one that Cedar makes of all of it', async () => {
    const conditions = [
      'context.input.n > 2',
      'context.input has s && context.input.s like "a*"',
      '!(context.input has s)',
      'context.input has list && context.input.list.contains("x")',
      'context.input has o && context.input.o has p && context.input.o.p == "q"',
      'principal.hasTag("role") && principal.getTag("role") == "clerk"',
      'principal.hasTag("groups") && principal.getTag("groups") like "*\\"staff\\"*"',
      'principal.id == "ada"',
      'action in AgentCore::Action::"CallTool"',
      'action == AgentCore::Action::"t___other"',
      '{"Value": context.input.n}.Value == 2',
    ]
    const scopes = [
      'principal, action, resource == AgentCore::Gateway::"${GatewayArn}"',
      'principal is AgentCore::OAuthUser, action in AgentCore::Action::"Mcp", resource is AgentCore::Gateway',
      'principal is AgentCore::IamEntity, action, resource == AgentCore::Gateway::"${GatewayArn}"',
      'principal, action == AgentCore::Action::"t___call", resource == AgentCore::Gateway::"${GatewayArn}"',
      'principal, action == AgentCore::Action::"t___other", resource == AgentCore::Gateway::"${GatewayArn}"',
      // No tool is equal to a group, and no gateway to another.
      'principal, action == AgentCore::Action::"CallTool", resource is AgentCore::Gateway',
      'principal, action, resource == AgentCore::Gateway::"arn:of:another"',
    ]
    const inputs = [
      { n: 1 },
      { n: 2, s: 'abc' },
      { n: 3, s: 'b', list: ['x'] },
      { n: 3, o: { p: 'q' } },
      { n: 9, o: {} },
    ]
    const people = [{ role: 'clerk', groups: '["staff"]' }, { groups: '["others"]' }]
    const properties = {
      n: { type: 'integer' },
      s: { type: 'string' },
      list: { type: 'array', items: { type: 'string' } },
      o: { type: 'object', properties: { p: { type: 'string' } } },
    }
    const inputSchema = { type: 'object', properties, required: ['n'] }
    const target = {
      name: 't',
      version: 0,
      tools: async () => [
        { name: 'call', inputSchema },
        { name: 'other', inputSchema },
      ],
      synchronize: async () => {},
      call: async () => undefined,
      close: async () => {},
    }
    let seed = 7
    const pick = <T>(from: readonly T[]): T => from[(seed = (seed * 48_271) % 2_147_483_647) % from.length]!
    const seen = { allowed: 0, denied: 0 }
    for (let round = 0; round < 20; round++) {
      const policies = Array.from({ length: 1 + (round % 4) }, (_, at) => ({
        name: `p${at}`,
        statement: `${at > 0 && round % 3 === 0 ? 'forbid' : 'permit'}(${pick(scopes)}) ${pick(['when', 'unless'])} { ${pick(conditions)} };`,
      }))
      const engine = await PolicyEngine.open({ policies, gatewayArn, targets: [target], lenient: true })
      const text = policies.map(({ statement }) => statement.replaceAll('${GatewayArn}', gatewayArn)).join('\n')
      for (const [at, tags] of people.entries()) {
        const principal: Principal = { kind: 'user', id: at === 0 ? 'ada' : 'bob' }
        rememberClaims(principal, tags)
        for (const input of [...inputs, ...inputs]) {
          const expected = whole(text, principal, tags, input as unknown as Record<string, never>)
          const decision = await engine.decide(principal, 't___call', input)
          expect(decision!.allowed, `${text}\n${JSON.stringify({ tags, input })}`).toBe(expected)
          if (expected) expect((await engine.visible(principal, ['t___call'])).has('t___call'), text).toBe(true)
          seen[expected ? 'allowed' : 'denied']++
        }
      }
      engine.close()
    }
    expect(Math.min(seen.allowed, seen.denied)).toBeGreaterThan(50)
  })
})
