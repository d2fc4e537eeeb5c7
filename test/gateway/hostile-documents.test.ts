import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { mayRunForEver } from '../../src/gateway/schema-check.ts'
import { oneOperation, openDocument, startRecording, type Recording } from './openapi/recording.ts'

let upstream: Recording
beforeAll(async () => {
  upstream = await startRecording()
})
afterAll(async () => upstream.close())

const withBody = (schema: object, components: object = {}) =>
  oneOperation(
    { requestBody: { required: true, content: { 'application/json': { schema } } } },
    { method: 'post', components: { schemas: components } },
  )

describe('a hostile document', () => {
  it.each([
    ['is cut off', '{"openapi":"3.0.0"'],
    ['is a list', '[]'],
    ['is HTML', '<html></html>'],
    ['says no version', '{"paths":{}}'],
    ['nests a thousand deep', `{"openapi":"3.0.0","x":${'['.repeat(1000)}${']'.repeat(1000)}}`],
    [
      'is YAML that would grow',
      `a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: [*c,*c,*c,*c,*c,*c,*c,*c,*c]\nopenapi: 3.0.0\n`,
    ],
    ['is YAML that makes something', 'openapi: !!js/function "function () {}"\n'],
  ])('that %s is refused with GATEWAY_DOCUMENT', async (_name, document) => {
    await expect(openDocument(document, upstream)).rejects.toMatchObject({ code: 'GATEWAY_DOCUMENT' })
  })

  it('whose references go in a circle gives a tool that takes anything there', async () => {
    const { tools } = await openDocument(
      withBody(
        { type: 'object', properties: { a: { $ref: '#/components/schemas/A' } } },
        { A: { $ref: '#/components/schemas/B' }, B: { $ref: '#/components/schemas/A' } },
      ),
      upstream,
    )
    expect(tools[0]!.inputSchema.properties).toEqual({ a: {} })
  })

  it('whose parts are each other does not end anything', async () => {
    const { tools } = await openDocument(
      withBody({ $ref: '#/components/schemas/A' }, { A: { allOf: [{ $ref: '#/components/schemas/A' }] } }),
      upstream,
    )
    expect(Object.keys(tools[0]!.inputSchema.properties as object)).toEqual(['body'])
  })

  it('with the name __proto__ changes no prototype', async () => {
    const schema = JSON.parse(
      '{"type":"object","properties":{"__proto__":{"type":"object","properties":{"polluted":{"type":"boolean"}}},"constructor":{"type":"string"}}}',
    ) as object
    const opened = await openDocument(JSON.stringify(withBody(schema)), upstream)
    upstream.requests.length = 0
    await opened.call('op', JSON.parse('{"__proto__":{"polluted":true},"constructor":"x"}') as Record<string, unknown>)
    expect(upstream.requests[0]!.body.toString()).toBe('{"__proto__":{"polluted":true},"constructor":"x"}')
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined()
    await opened.target.close()
  })

  it('with ten thousand operations is listed in good time', async () => {
    const paths = Object.fromEntries(
      Array.from({ length: 10_000 }, (_, at) => [`/p/${at}/{id}`, { get: { operationId: `op ${at}`, responses: {} } }]),
    )
    const before = performance.now()
    const { tools } = await openDocument({ ...oneOperation({}), paths }, upstream)
    expect(tools).toHaveLength(10_000)
    expect(performance.now() - before).toBeLessThan(5000)
  })

  it('with a pattern that would run for ever lets the argument through at once', async () => {
    const opened = await openDocument(
      withBody({ type: 'object', properties: { a: { type: 'string', pattern: '^(a+)+$' } } }),
      upstream,
    )
    const before = performance.now()
    expect((await opened.call('op', { a: `${'a'.repeat(50)}!` })).isError).toBe(false)
    expect(performance.now() - before).toBeLessThan(1000)
    await opened.target.close()
  })

  it('names operations in other scripts so that clients can call them', async () => {
    const paths = {
      '/a': { get: { operationId: '取得', responses: {} } },
      '/b': { get: { operationId: 'größe', responses: {} } },
    }
    const { tools } = await openDocument({ ...oneOperation({}), paths }, upstream)
    expect(tools.map(({ name }) => name)).toEqual(['GET_a', 'gro_e'])
  })
})

describe('a pattern may run for ever', () => {
  it.each(['(a+)+', '(a|a)*', '(a*)*b', '([a-z]+)*', '(x+x+)+y', String.raw`(\w+)\1`, '((a+)b?)+'])('%s', (pattern) => {
    expect(mayRunForEver(pattern)).toBe(true)
  })
  it.each(['^[a-z]+$', String.raw`^\d{3}-\d{4}$`, '^(red|green|blue)$', '^[A-Z][a-z]*( [A-Z][a-z]*)$'])(
    'not %s',
    (pattern) => {
      expect(mayRunForEver(pattern)).toBe(false)
    },
  )
})
