import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { observerOf } from '../../../src/adapters/observe/observer.ts'
import { withBearer } from '../../../src/auth/bearer/with-bearer.ts'
import { listen, type Listening } from '../../../src/http/node-server.ts'
import type { FetchHandler } from '../../../src/http/fetch-handler.ts'
import { Notes } from '../../../src/local/notes.ts'
import { createMcpEndpoint } from '../../../src/mcp/endpoint.ts'
import { MemoryTable } from '../../../src/state/memory.ts'
import factory from '../../fixtures/contract-server.ts'
import { opaque } from '../../support/guarded-server.ts'
import { call } from './artifact.ts'

const lines: string[] = []
const secret = 'opaque-token-of-ada-1234567890'
let server: Listening
const endpoint = createMcpEndpoint({ kind: 'factory', factory })

beforeAll(async () => {
  const env = { FAIRLEAD_METRICS: 'emf', FAIRLEAD_SERVER: 'guarded', FAIRLEAD_PLATFORM: 'fargate' }
  const observer = observerOf(env, { write: (line) => lines.push(line) })!
  let handler: FetchHandler = endpoint.fetch
  server = await listen((request, context) => handler(request, context))
  const resource = `${server.url}/mcp`
  const ada = { username: 'ada', scope: 'aws-tools/read', clientId: 'desktop', resource }
  handler = observer.outside(
    withBearer(observer.inside(endpoint.fetch), {
      resource,
      authorizationServers: ['https://issuer.example'],
      verifier: opaque(new Map([[secret, ada]]))(resource),
      scopes: { supported: [], base: ['aws-tools/read'], tools: { add: ['aws-tools/write'] } },
      proofs: new MemoryTable(),
    }),
  )
})
afterAll(async () => {
  await server.close()
  await endpoint.close()
})

async function post(message: unknown, token?: string): Promise<Record<string, unknown>> {
  const from = lines.length
  const response = await fetch(`${server.url}/mcp`, {
    method: 'POST',
    body: JSON.stringify(message),
    headers: {
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      'mcp-protocol-version': '2025-11-25',
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    },
  })
  await response.text()
  expect(lines).toHaveLength(from + 1)
  return JSON.parse(lines[from]!) as Record<string, unknown>
}

describe('the audit of a guarded server', () => {
  it('says who called which tool, by which client, and how it ended', async () => {
    expect(await post(call(1, 'echo', { text: 'a private matter' }), secret)).toMatchObject({
      audit: { principal: 'ada', client: 'desktop', method: 'tools/call', tool: 'echo', outcome: 'ok', status: 200 },
      Calls: 1,
    })
  })

  it('says who was refused, and why, and counts it as a refusal and not as a call', async () => {
    const nobody = await post(call(2, 'echo', { text: 'x' }))
    expect(nobody).toMatchObject({
      audit: { status: 401, outcome: 'refused', code: 'TOKEN_MISSING' },
      level: 'warn',
      message: 'refused',
      Refusals: 1,
    })
    expect(nobody).not.toHaveProperty('Calls')
    // Nothing of a body is read before it is known who sends it.
    expect(nobody.audit).not.toHaveProperty('tool')
    expect(await post(call(3, 'add', { a: 1, b: 2 }), secret)).toMatchObject({
      audit: { status: 403, outcome: 'refused', code: 'SCOPE_MISSING', principal: 'ada' },
      Refusals: 1,
    })
  })

  it('has no token, argument or result in it', () => {
    expect(lines.join('\n')).not.toMatch(/opaque-token|private matter/)
  })

  it('is read by the log of the local load balancer as the line before it was', async () => {
    const notes = new Notes()
    const { audit } = JSON.parse(lines[1]!) as { audit: { requestId: string } }
    expect(notes.take(lines[1]!)).toBe(true)
    expect(await notes.of(audit.requestId)).toMatchObject({ code: 'TOKEN_MISSING' })
  })
})
