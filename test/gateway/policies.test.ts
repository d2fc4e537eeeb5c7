import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { createCustomJwtAuthorizer } from '../../src/auth/bearer/custom-jwt.ts'
import { jwtInbound, type Inbound } from '../../src/gateway/inbound.ts'
import { loadCedar, requireCedar } from '../../src/gateway/policies/cedar.ts'
import { policiesOf } from '../../src/gateway/policies/statements.ts'
import type { Policy } from '../../src/gateway/policies/policy.ts'
import type { Note } from '../../src/http/note.ts'
import { noteOf } from '../../src/http/note.ts'
import { makeKey, signWith, startIssuer, type SigningKey, type TestIssuer } from '../auth/bearer/issuer.ts'
import { lambdaTarget, mcpTarget, startGateway, startLegacyServer, startUpstream, type Running } from './support.ts'

const gateway = 'resource == AgentCore::Gateway::"${GatewayArn}"'
const action = (...names: string[]) =>
  names.length === 1
    ? `action == AgentCore::Action::"${names[0]}"`
    : `action in [${names.map((name) => `AgentCore::Action::"${name}"`).join(', ')}]`
const users = 'principal is AgentCore::OAuthUser'

const policies = (text: string, name = 'policies/shop.cedar'): Policy[] => policiesOf(loadCedar(), [{ name, text }])

const tools = [
  {
    name: 'refund',
    description: 'Gives money back',
    inputSchema: {
      type: 'object',
      properties: {
        order: { type: 'string' },
        amount: { type: 'number' },
        items: { type: 'integer' },
        labels: { type: 'array', items: { type: 'string' } },
        urgent: { type: 'boolean' },
        to: { type: 'object', properties: { country: { type: 'string' } }, required: ['country'] },
      },
      required: ['order'],
    },
  },
  {
    name: 'find',
    description: 'Finds orders',
    inputSchema: { type: 'object', properties: { text: { type: 'string' } } },
  },
  { name: 'purge', description: 'Deletes orders', inputSchema: { type: 'object', properties: {} } },
]

/** Mallory is signed in as well, and has nothing that a policy asks for. */
const people = {
  ada: { sub: 'ada', role: 'clerk', 'cognito:groups': ['staff', 'support'], scope: 'orders/read orders/write' },
  grace: { sub: 'grace', role: 'manager', 'cognito:groups': ['staff'], level: 3 },
  mallory: { sub: 'mallory' },
} as const

let issuer: TestIssuer
let key: SigningKey
const tokens: Record<string, string> = {}
let inbound: Inbound
beforeAll(async () => {
  key = await makeKey('k')
  issuer = await startIssuer([key])
  const now = Math.floor(Date.now() / 1000)
  for (const [name, claims] of Object.entries(people))
    tokens[name] = await signWith(key, { iss: issuer.url, aud: 'tools', iat: now, exp: now + 600, ...claims })
  const authorizer = createCustomJwtAuthorizer({ discoveryUrl: issuer.discoveryUrl, allowedAudience: ['tools'] })
  inbound = jwtInbound({ authorizer, resource: () => 'http://127.0.0.1/mcp' })
})
afterAll(() => issuer.close())

const closers: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close()
})

async function start(text: string, more: Parameters<typeof startGateway>[1] = {}): Promise<Running> {
  const running = await startGateway([lambdaTarget({}, tools)], { policies: policies(text), inbound, ...more })
  closers.push(() => running.close())
  return running
}

const as = (name: keyof typeof people) => ({ authorization: `Bearer ${tokens[name]}` })

/** `ok`, or why it was denied. */
async function said(running: Running, name: keyof typeof people, tool: string, args: object = {}): Promise<string> {
  const answer = await running.call(tool, args, as(name))
  if (answer.error) {
    const [, reason] =
      /^Tool Execution Denied: Tool call not allowed due to policy enforcement \[(.*)\]$/.exec(answer.error.message) ??
      []
    return reason === undefined ? `${answer.error.code} ${answer.error.message}` : `${answer.error.code} ${reason}`
  }
  return answer.isError ? answer.content[0].text : 'ok'
}

const nobody = '-32002 No policy applies to the request (denied by default).'

describe('Cedar policies of a gateway', () => {
  it('deny what none permits and what one forbids, in the words of the service', async () => {
    const running = await start(`
      @id("staff_find")
      permit(${users}, ${action('orders___find', 'orders___purge')}, ${gateway})
      when { principal.hasTag("role") };

      @id("nobody_purges")
      forbid(principal, ${action('orders___purge')}, ${gateway});
    `)
    expect(await said(running, 'ada', 'orders___find')).toBe('ok')
    expect(await said(running, 'mallory', 'orders___find')).toBe(nobody)
    expect(await said(running, 'ada', 'orders___refund', { order: '1' })).toBe(nobody)
    expect(await said(running, 'ada', 'orders___purge')).toBe('-32002 Policy evaluation denied due to nobody_purges')
    const { status, body } = await running.ask(
      'tools/call',
      { name: 'orders___purge' },
      { id: 'x', headers: as('ada') },
    )
    expect([status, body]).toEqual([
      200,
      {
        jsonrpc: '2.0',
        id: 'x',
        error: {
          code: -32_002,
          message:
            'Tool Execution Denied: Tool call not allowed due to policy enforcement [Policy evaluation denied due to nobody_purges]',
        },
      },
    ])
  })

  it('see claims as tags: texts as they are, the rest as JSON', async () => {
    const running = await start(`
      permit(${users}, ${action('orders___find')}, ${gateway})
      when { principal.hasTag("cognito:groups") && principal.getTag("cognito:groups") like "*\\"support\\"*" };
      permit(${users}, ${action('orders___purge')}, ${gateway})
      when { principal.hasTag("level") && principal.getTag("level") == "3" };
      permit(${users}, ${action('orders___refund')}, ${gateway})
      when { principal.id == "mallory" || (principal.hasTag("scope") && principal.getTag("scope") like "*orders/write*") };
    `)
    const may = async (tool: string, args = {}) => {
      const all = await Promise.all(
        (['ada', 'grace', 'mallory'] as const).map(
          async (name) => (await said(running, name, tool, args)) === 'ok' && name,
        ),
      )
      return all.filter(Boolean)
    }
    expect(await may('orders___find')).toEqual(['ada'])
    expect(await may('orders___purge')).toEqual(['grace'])
    expect(await may('orders___refund', { order: '1' })).toEqual(['ada', 'mallory'])
  })

  it('see the arguments, each of its type, and nothing that the tool does not name', async () => {
    const running = await start(`
      permit(${users}, ${action('orders___refund')}, ${gateway}) when {
        (if context.input has amount then context.input.amount.lessThan(decimal("50.5")) else true) &&
        (if context.input has items then context.input.items <= 3 else true) &&
        (if context.input has labels then [ "a", "b" ].containsAll(context.input.labels) else true) &&
        (if context.input has urgent then !context.input.urgent else true) &&
        (if context.input has to then context.input.to.country == "FR" else true)
      };
    `)
    const order = '1'
    for (const args of [
      { order },
      { order, amount: 50.4999 },
      { order, amount: -1e-9 },
      { order, items: 3, urgent: false },
      { order, labels: ['b', 'a', 'a'] },
      { order, to: { country: 'FR', __entity: { type: 'AgentCore::Gateway', id: 'x' } } },
    ])
      expect(await said(running, 'ada', 'orders___refund', args), JSON.stringify(args)).toBe('ok')
    for (const args of [
      { order, amount: 50.5 },
      { order, items: 4 },
      { order, labels: ['a', 'c'] },
      { order, urgent: true },
      { order, to: { country: 'DE' } },
    ])
      expect(await said(running, 'ada', 'orders___refund', args), JSON.stringify(args)).toBe(nobody)
  })

  it('leave arguments of another type to the target, which refuses them, and deny what no target checks', async () => {
    const server = await startLegacyServer()
    closers.push(() => server.close())
    const running = await startGateway([lambdaTarget({}, tools), mcpTarget('old')], {
      policies: policies(`
        permit(${users}, ${action('orders___refund')}, ${gateway}) when { context.input.order == "1" };
        permit(${users}, ${action('old___echo')}, ${gateway}) when { !(context.input has text) || true };
      `),
      inbound,
      endpoints: { 'https://old.example.com': server.url },
    })
    closers.push(() => running.close())
    expect(await said(running, 'ada', 'orders___refund', { order: 1 })).toContain('JsonSchemaException')
    expect(await said(running, 'ada', 'orders___refund', {})).toContain('JsonSchemaException')
    expect(await said(running, 'ada', 'old___echo', { text: 'hi' })).toBe('ok')
    expect(await said(running, 'ada', 'old___echo', { text: 7 })).toBe(
      '-32002 Policy evaluation failed: text is not a String',
    )
    expect(await said(running, 'ada', 'orders___purge', { order: 1 })).toBe(nobody)
    for (const tool of ['old___gone', 'nowhere___echo', 'echo'])
      expect(await said(running, 'ada', tool)).toBe(`-32602 Unknown tool: ${tool}`)
  })

  it('hide tools that a caller could never call, from lists and from the search', async () => {
    const running = await start(
      `
      permit(${users}, ${action('orders___find')}, ${gateway});
      permit(${users}, ${action('orders___refund')}, ${gateway})
      when { principal.hasTag("role") && context.input has amount && context.input.amount.lessThan(decimal("10.0")) };
      permit(${users}, action, ${gateway}) when { principal.hasTag("role") && principal.getTag("role") == "manager" };
      forbid(principal, ${action('orders___purge')}, ${gateway}) unless { principal.hasTag("level") };
    `,
      { gateway: { protocolConfiguration: { mcp: { searchType: 'SEMANTIC' } } } },
    )
    const listed = async (name: keyof typeof people) => {
      const client = new Client({ name: 'test', version: '1' }, { versionNegotiation: { mode: 'auto' } })
      const transport = new StreamableHTTPClientTransport(new URL(running.url), { requestInit: { headers: as(name) } })
      await client.connect(transport)
      const { tools: all } = await client.listTools()
      const found = await client.callTool({
        name: 'x_amz_bedrock_agentcore_search',
        arguments: { query: 'orders money back find delete' },
      })
      await client.close()
      const names = (each: { name: string }[]) => each.map(({ name: tool }) => tool.replace('orders___', '')).toSorted()
      return [
        names(all.filter(({ name: tool }) => tool.startsWith('orders'))),
        names((found.structuredContent as { tools: { name: string }[] }).tools),
      ]
    }
    expect(await listed('mallory')).toEqual([['find'], ['find']])
    expect(await listed('ada')).toEqual([
      ['find', 'refund'],
      ['find', 'refund'],
    ])
    expect(await listed('grace')).toEqual([
      ['find', 'purge', 'refund'],
      ['find', 'purge', 'refund'],
    ])
    const meta = {
      'io.modelcontextprotocol/protocolVersion': '2026-07-28',
      'io.modelcontextprotocol/clientCapabilities': {},
    }
    const headers = { ...as('ada'), 'mcp-protocol-version': '2026-07-28', 'mcp-method': 'tools/list' }
    const { body } = await running.ask('tools/list', { _meta: meta }, { headers })
    expect(body.result.cacheScope).toBe('private')
  })

  it('with LOG_ONLY deny nothing, hide nothing, and say what they would', async () => {
    const running = await start(`permit(${users}, ${action('orders___find')}, ${gateway});`, {
      gateway: { policyEngineConfiguration: { mode: 'LOG_ONLY' } },
    })
    expect(await said(running, 'ada', 'orders___purge')).toBe('ok')
    const { body } = await running.ask('tools/list', {}, { headers: as('ada') })
    expect(body.result.tools).toHaveLength(3)
    expect(running.log).toEqual([
      'LOG_ONLY: orders___purge would be denied to ada [No policy applies to the request (denied by default).]',
    ])
  })

  it('know an IAM identity by its ARN, and nobody as nobody', async () => {
    const iam: Inbound = {
      admit: (request) => ({ kind: 'iam', id: request.headers.get('x-arn')! }),
    }
    const text = `
      permit(principal is AgentCore::IamEntity, ${action('orders___find')}, ${gateway})
      when { principal.id like "arn:aws:iam::111122223333:role/*" };
      permit(principal == AgentCore::IamEntity::"arn:aws:iam::444455556666:role/robot", ${action('orders___purge')}, ${gateway});
    `
    const running = await start(text, { inbound: iam })
    const may = async (arn: string) => {
      const answers = await Promise.all(
        ['orders___find', 'orders___purge'].map((tool) => running.call(tool, {}, { 'x-arn': arn })),
      )
      return answers.map(({ error }) => error === undefined)
    }
    expect(await may('arn:aws:iam::111122223333:role/agent')).toEqual([true, false])
    expect(await may('arn:aws:iam::444455556666:role/robot')).toEqual([false, true])
    const open = await startGateway([lambdaTarget({}, tools)], {
      policies: policies(
        `${text} permit(principal is AgentCore::UnauthenticatedUser, ${action('orders___purge')}, ${gateway});`,
      ),
    })
    closers.push(() => open.close())
    expect((await open.call('orders___find')).error.code).toBe(-32_002)
    expect((await open.call('orders___purge')).error).toBeUndefined()
  })

  it('leave prompts and resources alone, as the service does', async () => {
    const server = await startUpstream((_req, body, res) => {
      const { id, method } = JSON.parse(body.toString()) as { id?: number; method: string }
      const results: Record<string, object> = {
        initialize: {
          protocolVersion: '2025-11-25',
          capabilities: { tools: {}, prompts: {} },
          serverInfo: { name: 's', version: '1' },
        },
        'tools/list': { tools: [{ name: 'echo', inputSchema: { type: 'object' } }] },
        'prompts/list': { prompts: [{ name: 'hello' }] },
      }
      if (id === undefined) return void res.writeHead(202).end()
      const result = results[method]
      const answer = result ? { result } : { error: { code: -32_601, message: 'Method not found' } }
      res.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ jsonrpc: '2.0', id, ...answer }))
    })
    closers.push(() => server.close())
    const running = await startGateway([mcpTarget('notes')], {
      policies: policies(`forbid(principal, action, resource is AgentCore::Gateway);`),
      endpoints: { 'https://notes.example.com': server.url },
    })
    closers.push(() => running.close())
    expect((await running.ask('prompts/list')).body.result.prompts).toEqual([{ name: 'notes___hello' }])
    expect((await running.ask('tools/list')).body.result.tools).toEqual([])
  })

  it('that cannot be evaluated deny, and say so in the log', async () => {
    const running = await start(`
      permit(${users}, ${action('orders___refund')}, ${gateway});
      forbid(${users}, ${action('orders___refund')}, ${gateway})
      when { context.input has items && context.input.items * 9000000000000000 < 0 };
    `)
    expect(await said(running, 'ada', 'orders___refund', { order: '1', items: 1 })).toBe('ok')
    expect(await said(running, 'ada', 'orders___refund', { order: '1', items: 9_000_000 })).toBe(
      '-32002 Policy evaluation denied due to shop_2',
    )
    expect(running.log).toEqual([
      expect.stringMatching(/^policies could not be evaluated for orders___refund: .*overflow/),
    ])
  })

  it('are held against a list of tools that changes, and go on deciding', async () => {
    const server = await startLegacyServer()
    closers.push(() => server.close())
    server.tools.splice(0)
    const running = await startGateway([mcpTarget('old', { listingMode: 'DYNAMIC' })], {
      policies: policies(`
        permit(${users}, ${action('old___echo')}, ${gateway}) when { context.input has text && context.input.text == "hi" };
        permit(${users}, ${action('old___later')}, ${gateway});
      `),
      inbound,
      endpoints: { 'https://old.example.com': server.url },
    })
    closers.push(() => running.close())
    expect(running.log).toHaveLength(2)
    expect(running.log[0]).toContain('the policy shop_1 (policies/shop.cedar:2) cannot be checked before its target')
    expect(await said(running, 'ada', 'old___echo', { text: 'hi' })).toBe('-32602 Unknown tool: old___echo')
    server.tools.push({ name: 'echo', inputSchema: { type: 'object', properties: { text: { type: 'string' } } } })
    await running.ask('tools/list', {}, { headers: as('ada') })
    await expect.poll(() => said(running, 'ada', 'old___echo', { text: 'hi' })).toBe('ok')
    expect(await said(running, 'ada', 'old___echo', { text: 'no' })).toBe(nobody)
    expect(running.log.at(-1)).toBe('policies/shop.cedar:3: unrecognized action `AgentCore::Action::"old___later"`')
  })

  it('stand beside a call for the log: which of them decided, and why', async () => {
    const notes: Note[] = []
    const running = await start(
      `@id("finders") permit(${users}, ${action('orders___find')}, ${gateway});
       @id("keepers") forbid(${users}, ${action('orders___purge')}, ${gateway});`,
      { observe: (response) => notes.push(noteOf(response)) },
    )
    for (const tool of ['find', 'purge', 'refund']) await running.call(`orders___${tool}`, { order: '1' }, as('ada'))
    expect(notes).toEqual([
      { principal: 'ada', policies: ['finders'] },
      {
        principal: 'ada',
        code: 'POLICY_DENIED',
        why: 'Policy evaluation denied due to keepers',
        policies: ['keepers'],
      },
      {
        principal: 'ada',
        code: 'POLICY_DENIED',
        why: 'No policy applies to the request (denied by default).',
        policies: [],
      },
    ])
  })
})

const refused = async (text: string) =>
  start(text).then(
    () => 'taken',
    (error: { code: string; message: string; fix: string }) => `${error.code} ${error.message} | ${error.fix}`,
  )

describe('policies that AWS would not take', () => {
  const permit = `permit(${users}, ${action('orders___find')}, ${gateway})`
  it.each([
    [
      'syntax',
      `${permit};\n\npermit(principal,\n actiom, resource);`,
      /shop\.cedar:4: found an invalid variable.*actiom/,
    ],
    [
      'an unknown tool',
      `\n\npermit(${users}, ${action('orders___fond')}, ${gateway});`,
      /:3: unrecognized action.*orders___fond.*\| Did you mean orders___find\?/,
    ],
    [
      'an unknown argument',
      `${permit}\nwhen {\n context.input has text &&\n context.input.texd == "a" };`,
      /:4: attribute `input.texd`.*Did you mean `text`/,
    ],
    [
      'an argument that may be absent',
      `${permit} when { context.input.text == "a" };`,
      /:1: .*optional attribute `input.text`.*presence/,
    ],
    [
      'a wrong type',
      `${permit} when { context.input has text && context.input.text < 5 };`,
      /shop\.cedar:1: .*unexpected type/,
    ],
    ['a tag that may be absent', `${permit} when { principal.getTag("a") == "b" };`, /:1: .*access to tag/],
    [
      'a principal without id',
      `permit(principal, ${action('orders___find')}, ${gateway}) when { principal.id == "a" };`,
      /`id` .*UnauthenticatedUser/,
    ],
    ['what never applies', `${permit} when { 1 == 2 };`, /:1: policy is impossible/],
    ['too short', 'permit(principal,action,resource);', /has 34 characters; AWS takes 35 to 10000/],
    [
      'too long',
      `${permit} when { context.input has text && context.input.text == "${'a'.repeat(10_000)}" };`,
      /characters; AWS takes 35 to 10000/,
    ],
    [
      'tools of any gateway',
      `permit(${users}, ${action('orders___find')}, resource is AgentCore::Gateway);`,
      /names tools, and not the gateway/,
    ],
    [
      'another gateway',
      `permit(${users}, action, resource == AgentCore::Gateway::"arn:x");`,
      /"arn:x", which is not this gateway/,
    ],
    [
      'another placeholder',
      `${permit} when { principal.id == "\${AWS::AccountId}" };`,
      /has \$\{AWS::AccountId\}, which nobody fills in/,
    ],
    [
      'two of one name',
      `@id("a") ${permit};\n@id("a") ${permit};`,
      /:2: has the name a, as the policy at policies\/shop\.cedar:1 has/,
    ],
    ['a bad name', `@id("a-b") ${permit};`, /has the id "a-b"/],
    ['a template', 'permit(principal == ?principal, action, resource);', /has a template/],
    ['nothing', '// none', /There is no policy/],
  ])('are refused at their line: %s', async (_name, text, message) => {
    const said = await Promise.resolve()
      .then(() => refused(text))
      .catch((error: Error) => `${(error as unknown as { code: string }).code} ${error.message}`)
    expect(said).toMatch(/^GATEWAY_POLICY /)
    expect(said).toMatch(message)
  })

  it('need the engine, which is a package of its own', () => {
    const missing = () => {
      throw Object.assign(new Error('Cannot find module'), { code: 'MODULE_NOT_FOUND' })
    }
    expect(() => requireCedar(missing)).toThrow(
      expect.objectContaining({ code: 'CEDAR_MISSING', fix: 'npm install @cedar-policy/cedar-wasm' }),
    )
  })
})
