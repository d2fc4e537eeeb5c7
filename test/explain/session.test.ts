import { describe, expect, it } from 'vitest'
import { explainRequest } from '../../src/explain/explain.ts'
import type { KeptRequest } from '../../src/explain/kept.ts'

const kept = (more: Partial<KeptRequest> = {}): KeptRequest => ({
  id: 'one',
  at: 1000,
  platform: 'agentcore-runtime',
  method: 'POST',
  target: '/runtimes/arn/invocations',
  headers: ['user-agent', 'a-client', 'Mcp-Session-Id', '01234567…'],
  bodyBytes: 10,
  status: 200,
  ms: 20,
  call: 'tools/call echo',
  ...more,
})
const endpoint = { url: 'http://127.0.0.1:4103/mcp', auth: 'none' as const }
const explain = (request: KeptRequest, others: KeptRequest[] = []) =>
  explainRequest(request, { endpoint, keys: [], others: [request, ...others] })
const busy = kept({ code: 'RUNTIME_SESSION_BUSY', why: 'The session is being created.' })

describe('a call that was answered -32005', () => {
  const again = (more: Partial<KeptRequest> = {}) => kept({ id: 'two', at: 1400, ...more })

  it('has not been sent again, or has', () => {
    expect(explain(busy)).toMatchObject({ accepted: false, causes: ['session-busy'], code: 'RUNTIME_SESSION_BUSY' })
    expect(explain(busy).why.at(-1)).toContain('has not sent it again')
    expect(explain(busy, [again()]).why.at(-1)).toBe('The client sent it again 0.4 s later, and was answered 200.')
  })

  it.each([
    ['another client', { headers: ['user-agent', 'other', 'Mcp-Session-Id', '01234567…'] }],
    ['another session', { headers: ['user-agent', 'a-client', 'Mcp-Session-Id', '76543210…'] }],
    ['another tool', { call: 'tools/call other' }],
    ['another platform', { platform: 'lambda' }],
    ['a call before it', { at: 900 }],
    ['one that was busy too', { code: 'RUNTIME_SESSION_BUSY' }],
  ])('has not been sent again by %s', (_name, more) => {
    expect(explain(busy, [again(more)]).why.at(-1)).toContain('has not sent it again')
  })
})

describe('a call that the gateway’s policies denied', () => {
  const denied = (policies: string[], more: Partial<KeptRequest> = {}) =>
    kept({
      platform: 'agentcore-gateway',
      target: '/mcp',
      code: 'POLICY_DENIED',
      why: 'The words of it.',
      policies,
      ...more,
    })

  it('was let in, and names the policies that decided', () => {
    expect(explain(denied(['no_refunds']))).toMatchObject({
      accepted: false,
      causes: ['POLICY_DENIED'],
      certainty: 'proved',
      why: ['The words of it.', 'Of the policies it is forbidden by no_refunds.'],
      fix: [expect.stringContaining('docs/gateway.md#cedar-policies')],
      docs: 'docs/errors/POLICY_DENIED.md',
    })
    const oauth = { ...endpoint, auth: 'oauth' as const }
    const found = explainRequest(denied([], { principal: 'ada' }), { endpoint: oauth, keys: [] })
    expect(found.why).toEqual([
      'The token is good: it is ada’s.',
      'The words of it.',
      'Of the policies none of them permits it.',
    ])
    expect(found.steps.at(-1)).toEqual({ name: 'policies', ok: false, text: 'none of them permits it' })
  })
})

describe('a call that was let in', () => {
  it('met nothing in its session', () => {
    expect(explain(kept())).toMatchObject({ accepted: true, causes: [] })
    expect(explain(kept({ process: { startedMs: 900 } }))).toMatchObject({ accepted: true, causes: [] })
  })

  it('met a session that had ended, or one that took long to start', () => {
    const expired = explain(kept({ process: { startedMs: 900, successor: true } }))
    expect(expired).toMatchObject({ accepted: true, causes: ['session-expired'], certainty: 'seen' })
    const cold = explain(kept({ ms: 18_100, process: { startedMs: 18_000 } }))
    expect(cold).toMatchObject({ accepted: true, causes: ['cold-start'] })
    expect(cold.why.at(-1)).toContain('18.0 s of its 18.1 s')
  })
})
