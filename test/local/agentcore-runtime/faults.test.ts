import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { faults as table, Faults } from '../../../src/local/faults.ts'
import { connect, post, rpc, startRuntime, type TestRuntime } from './support.ts'

let test: TestRuntime
beforeAll(async () => {
  test = await startRuntime({}, { coldStartMs: 700 })
})
afterEach(() => {
  for (const name of Object.keys(table)) test.faults.set(name, false)
})
afterAll(async () => test?.close())
const named = (id: string) => ({ 'mcp-session-id': id.padEnd(40, '-') })
const keep = async (id: string, text: string) =>
  post(test.signed, test.url, rpc('tools/call', { name: 'keep', arguments: { text } }), named(id))

describe('faults', () => {
  it('are a table with a sentence each; one that is not there is refused with the nearest', () => {
    expect(new Faults(['cold-start']).list().map(({ name, on }) => [name, on])).toContainEqual(['cold-start', true])
    for (const { does } of Object.values(table)) expect(does).toMatch(/^[A-Z].*\.$/)
    expect(() => new Faults(['cold-strat'])).toThrow(/did you mean cold-start/)
  })

  it('session-rotates: a client that takes the newest id is lost, as was seen on AWS', async () => {
    test.faults.set('session-rotates', true)
    const client = await connect(test.url, test.signed)
    await client.close()
    const first = await post(test.signed, test.url, rpc('initialize', initialize))
    const good = first.headers.get('mcp-session-id')!
    const second = await post(test.signed, test.url, rpc('ping'), { 'mcp-session-id': good })
    const rotated = second.headers.get('mcp-session-id')!
    expect(rotated).not.toBe(good)
    expect(second.body.result).toEqual({})
    const third = await post(test.signed, test.url, rpc('ping'), { 'mcp-session-id': rotated })
    expect(third.body.error).toMatchObject({ code: -32010, message: expect.stringContaining('(404)') as string })
    expect((await post(test.signed, test.url, rpc('ping'), { 'mcp-session-id': good })).body.result).toEqual({})
  })

  it('cold-start: a new session is slow, and busy until it is there', async () => {
    test.faults.set('cold-start', true)
    const began = performance.now()
    await keep('cold', '1')
    expect(performance.now() - began).toBeGreaterThan(690)
    const again = performance.now()
    await keep('cold', '2')
    expect(performance.now() - again).toBeLessThan(500)
  })

  it('session-busy: every other call is to be sent again', async () => {
    await keep('busy', '1')
    test.faults.set('session-busy', true)
    const record = test.nextRecord()
    const codes: (number | undefined)[] = []
    for (let at = 0; at < 4; at++) codes.push((await keep('busy', 'x')).body.error?.code)
    expect(codes).toEqual([-32005, undefined, -32005, undefined])
    expect(await record).toMatchObject({ code: 'RUNTIME_SESSION_BUSY' })
    const unnamed: (number | undefined)[] = []
    for (let at = 0; at < 2; at++) unnamed.push((await post(test.signed, test.url, rpc('ping'))).body.error?.code)
    expect(unnamed).toEqual([-32005, undefined])
  })

  it('session-killed: the call fails, and one after it finds a new process', async () => {
    await keep('killed', '1')
    test.faults.set('session-killed', true)
    expect((await keep('killed', '2')).body.error).toMatchObject({ code: -32010 })
    await expect.poll(async () => (await keep('killed', '3')).body.result?.content?.[0]!.text).toMatch(/^\["3"/)
  })

  it('session-expired: each call is answered by a process without memory', async () => {
    await keep('expired', '1')
    test.faults.set('session-expired', true)
    expect((await keep('expired', '2')).body.result!.content![0]!.text).toBe('["2"]')
    expect((await keep('expired', '3')).body.result!.content![0]!.text).toBe('["3"]')
  })
})

const initialize = {
  protocolVersion: '2025-11-25',
  capabilities: {},
  clientInfo: { name: 'test', version: '1' },
}
