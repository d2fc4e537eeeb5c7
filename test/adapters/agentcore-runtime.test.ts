import { describe, expect, it } from 'vitest'
import { onAgentcoreRuntime } from '../../src/adapters/agentcore-runtime.ts'
import { listen } from '../../src/http/node-server.ts'
import type { RequestContext } from '../../src/http/fetch-handler.ts'

async function answers(
  env: Record<string, string>,
  headers: Record<string, string> = {},
  path = '/mcp',
): Promise<{ status: number; text: string }> {
  const echo = async (_request: Request, context: RequestContext) => Response.json(context)
  const server = await listen(onAgentcoreRuntime(echo, env, () => 1_700_000_000_500))
  const response = await fetch(server.url + path, { headers })
  const text = await response.text()
  await server.close()
  return { status: response.status, text }
}

describe('an endpoint on AgentCore Runtime', () => {
  it('answers /ping, as the platform’s other protocols ask', async () => {
    expect(await answers({}, {}, '/ping')).toEqual({
      status: 200,
      text: '{"status":"Healthy","time_of_last_update":1700000000}',
    })
  })

  it('takes the platform’s request id, and nobody for who has no token', async () => {
    const { text } = await answers({}, { 'x-amzn-bedrock-agentcore-runtime-request-id': 'r-1' })
    expect(JSON.parse(text)).toEqual({ requestId: 'r-1', principal: { kind: 'anonymous', id: '' } })
  })

  it.each([
    [
      { sub: 'ada', client_id: 'app', scope: 'a b' },
      { kind: 'user', id: 'ada', clientId: 'app', scopes: ['a', 'b'] },
    ],
    [
      { sub: 'app', client_id: 'app' },
      { kind: 'client', id: 'app', clientId: 'app', scopes: [] },
    ],
    [{ client_id: 'app' }, { kind: 'anonymous', id: '' }],
  ])('reads from a token that the platform let through who calls (%#)', async (claims, principal) => {
    const token = `e30.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.x`
    const { text } = await answers({}, { authorization: `Bearer ${token}` })
    expect((JSON.parse(text) as RequestContext).principal).toEqual(principal)
  })

  it.each(['Bearer a.b.c', 'Bearer x', 'Basic abc'])(
    'takes nothing from what is no token: %s',
    async (authorization) => {
      const { text } = await answers({}, { authorization })
      expect((JSON.parse(text) as RequestContext).principal.kind).toBe('anonymous')
    },
  )

  it('answers only the platform where that has given it a token', async () => {
    const env = { FAIRLEAD_SESSION_TOKEN: 'local-secret' }
    const status = async (headers: Record<string, string>) => (await answers(env, headers)).status
    expect(await status({})).toBe(403)
    expect(await status({ 'x-amz-bedrock-agentcore-identity-wat': 'local-secreT' })).toBe(403)
    expect(await status({ 'x-amz-bedrock-agentcore-identity-wat': 'local-secret' })).toBe(200)
  })
})
