import { createServer, type IncomingHttpHeaders, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { fetchLambdaHandler } from '../../../src/adapters/fetch-lambda.ts'
import { observerOf } from '../../../src/adapters/observe/observer.ts'
import { otlpExporter } from '../../../src/adapters/observe/otlp.ts'
import { readAmznTraceId, readTraceparent } from '../../../src/adapters/observe/trace.ts'
import { createMcpEndpoint } from '../../../src/mcp/endpoint.ts'
import factory from '../../fixtures/contract-server.ts'
import { buildContract, call, runArtifact, type RunningArtifact } from './artifact.ts'

interface Span {
  name: string
  startTimeUnixNano: string
  endTimeUnixNano: string
  attributes: { key: string; value: { stringValue: string } }[]
  status: object
}

interface Export {
  headers: IncomingHttpHeaders
  path: string
  body: {
    resourceSpans: {
      resource: { attributes: { key: string; value: { stringValue: string } }[] }
      scopeSpans: { scope: { name: string }; spans: Span[] }[]
    }[]
  }
}

/** A collector: a real HTTP server that takes OTLP's JSON. */
class Collector {
  readonly exports: Export[] = []
  status = 200
  url = ''
  #waiting: (() => void)[] = []
  readonly #server: Server = createServer((req, res) => {
    const chunks: Buffer[] = []
    req.on('data', (chunk: Buffer) => chunks.push(chunk))
    req.on('end', () => {
      const body = JSON.parse(Buffer.concat(chunks).toString()) as Export['body']
      this.exports.push({ headers: req.headers, path: req.url!, body })
      res.writeHead(this.status, { 'content-type': 'application/json' }).end('{}')
      for (const each of this.#waiting.splice(0)) each()
    })
  })

  async start(): Promise<this> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve))
    this.url = `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
    return this
  }

  spans(): Span[] {
    return this.exports.flatMap(({ body }) => body.resourceSpans.flatMap((each) => each.scopeSpans[0]!.spans))
  }

  async span(name: string): Promise<Span> {
    for (;;) {
      const found = this.spans().find((each) => each.name === name)
      if (found) return found
      await new Promise<void>((resolve) => this.#waiting.push(resolve))
    }
  }

  close(): void {
    this.#server.closeAllConnections()
    this.#server.close()
  }
}

const traceId = '4bf92f3577b34da6a3ce929d0e0e4736'
const parent = (spanId: string, flags = '01', trace = traceId) => `00-${trace}-${spanId}-${flags}`
const attributes = ({ attributes }: Span) =>
  Object.fromEntries(attributes.map(({ key, value }) => [key, value.stringValue]))

let collector: Collector
let built: Awaited<ReturnType<typeof buildContract>>
let running: RunningArtifact
beforeAll(async () => {
  collector = await new Collector().start()
  built = await buildContract()
  running = await runArtifact(built.file, {
    OTEL_EXPORTER_OTLP_ENDPOINT: `${collector.url}/`,
    OTEL_EXPORTER_OTLP_HEADERS: 'x-api-key=a%20sealed%20key',
    OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment.name=test',
    FAIRLEAD_SERVER: 'contract-test',
    FAIRLEAD_PLATFORM: 'fargate-like',
  })
  await (
    await running.post(call(1, 'echo', { text: 'a private matter' }, { traceparent: parent('00f067aa0ba902b7') }), {
      traceparent: parent('b7ad6b7169203331', '01', '0af7651916cd43dd8448eb211c80319c'),
      'mcp-session-id': 'none-of-ours',
    })
  ).text()
  await (await running.post(call(2, 'refuse'), { traceparent: parent('b7ad6b7169203331') })).text()
  await (await running.post(call(3, 'add', { a: 1, b: 2 }, { traceparent: parent('00f067aa0ba902b7', '00') }))).text()
  await (
    await running.post({ jsonrpc: '2.0', id: 'four', method: 'resources/read', params: { uri: 'test://motto' } })
  ).text()
  await (await running.post({ jsonrpc: '2.0', id: 5, method: 'no/such' })).text()
  // A process that stops sends what waits.
  await running.stop()
})
afterAll(async () => {
  collector.close()
  await built.remove()
})

describe('a span', () => {
  it('has the attributes of the MCP conventions, and neither arguments nor results', async () => {
    const span = await collector.span('tools/call echo')
    expect(span).toMatchObject({
      kind: 2,
      spanId: expect.stringMatching(/^[0-9a-f]{16}$/) as string,
      status: {},
    })
    expect(attributes(span)).toEqual({
      'mcp.method.name': 'tools/call',
      'gen_ai.tool.name': 'echo',
      'gen_ai.operation.name': 'execute_tool',
      'jsonrpc.request.id': '1',
      'mcp.protocol.version': '2025-11-25',
      'mcp.session.id': 'none-of-ours',
      'network.transport': 'tcp',
      'network.protocol.name': 'http',
    })
    const [start, end] = [BigInt(span.startTimeUnixNano), BigInt(span.endTimeUnixNano)]
    expect(end - start).toBeGreaterThan(0n)
    expect(Math.abs(Number(end / 1_000_000n) - Date.now())).toBeLessThan(60_000)
    expect(JSON.stringify(collector.exports.map(({ body }) => body))).not.toMatch(/a private matter|sealed/)
  })

  it('has the caller of the message as its parent, and is linked to the request that carried it', async () => {
    expect(await collector.span('tools/call echo')).toMatchObject({
      traceId,
      parentSpanId: '00f067aa0ba902b7',
      links: [{ traceId: '0af7651916cd43dd8448eb211c80319c', spanId: 'b7ad6b7169203331' }],
    })
    const carried = await collector.span('tools/call refuse')
    expect(carried).toMatchObject({ traceId, parentSpanId: 'b7ad6b7169203331' })
    expect(carried).not.toHaveProperty('links')
  })

  it('says what went wrong', async () => {
    const refused = await collector.span('tools/call refuse')
    expect(refused.status).toEqual({ code: 2 })
    expect(attributes(refused)).toMatchObject({ 'error.type': 'tool_error' })
    expect(attributes(await collector.span('no/such'))).toMatchObject({
      'error.type': '-32601',
      'rpc.response.status_code': '-32601',
    })
  })

  it('of a resource names it, and one that the caller does not sample is not sent', async () => {
    expect(attributes(await collector.span('resources/read'))).toMatchObject({
      'mcp.resource.uri': 'test://motto',
      'jsonrpc.request.id': 'four',
    })
    expect(collector.spans().map(({ name }) => name)).not.toContain('tools/call add')
  })
})

describe('an export', () => {
  it('goes to /v1/traces as JSON, with the headers of the settings and the resource of the process', () => {
    const [first] = collector.exports
    expect(first!.path).toBe('/v1/traces')
    expect(first!.headers).toMatchObject({ 'content-type': 'application/json', 'x-api-key': 'a sealed key' })
    const resource = first!.body.resourceSpans[0]!.resource.attributes
    expect(Object.fromEntries(resource.map(({ key, value }) => [key, value.stringValue]))).toEqual({
      'service.name': 'contract-test',
      'fairlead.platform': 'fargate-like',
      'deployment.environment.name': 'test',
    })
    expect(running.lines.join('\n')).not.toContain('sealed')
  })

  it('that is not taken is dropped with a line, and no call waits for it', async () => {
    const broken = await new Collector().start()
    broken.status = 503
    const lines: string[] = []
    const env = { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: `${broken.url}/own`, OTEL_EXPORTER_OTLP_HEADERS: 'k=sealed' }
    const exporter = otlpExporter(env, { resource: {}, log: (line) => lines.push(line) })!
    const span = JSON.stringify(await collector.span('tools/call echo'))
    exporter.add(span)
    exporter.add(span)
    await exporter.flush()
    expect(broken.exports[0]!.path).toBe('/own')
    expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual([
      { level: 'warn', message: `Spans could not be exported to ${broken.url}: it answered 503`, dropped: 2 },
    ])
    broken.close()
  })

  it('holds so many spans and no more, when a collector hangs', async () => {
    let asked = 0
    const hangs: typeof fetch = async () => {
      asked++
      return new Promise(() => {})
    }
    const env = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:1' }
    const exporter = otlpExporter(env, { resource: {}, log: () => {}, fetch: hangs })!
    const span = JSON.stringify(await collector.span('tools/call echo'))
    const before = process.memoryUsage().heapUsed
    for (let at = 0; at < 200_000; at++) exporter.add(`${span} `)
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(60_000_000)
    const from = performance.now()
    await exporter.flush(20)
    expect(performance.now() - from).toBeLessThan(1000)
    expect(asked).toBe(1)
  })

  it('is waited for before a Lambda invocation ends', async () => {
    const own = await new Collector().start()
    const observer = observerOf({ OTEL_EXPORTER_OTLP_ENDPOINT: own.url })!
    const endpoint = createMcpEndpoint({ kind: 'factory', factory }, { allowedHosts: 'any' })
    const handler = fetchLambdaHandler(observer.outside(observer.inside(endpoint.fetch)), () => observer.flush(1000))
    await handler(
      {
        version: '2.0',
        rawPath: '/mcp',
        rawQueryString: '',
        headers: { host: 'x', 'content-type': 'application/json', accept: 'application/json, text/event-stream' },
        requestContext: { http: { method: 'POST', path: '/mcp', sourceIp: '127.0.0.1' }, domainName: 'x' },
        body: JSON.stringify(call(1, 'echo', { text: 'x' })),
        isBase64Encoded: false,
      } as never,
      { awsRequestId: 'r' },
    )
    expect(own.spans().map(({ name }) => name)).toEqual(['tools/call echo'])
    own.close()
  })
})

describe('trace contexts', () => {
  it.each([
    [parent('00f067aa0ba902b7'), { traceId, spanId: '00f067aa0ba902b7', sampled: true }],
    [parent('00f067aa0ba902b7', '00'), { traceId, spanId: '00f067aa0ba902b7', sampled: false }],
    [`cc-${traceId}-00f067aa0ba902b7-01-what-comes`, { traceId, spanId: '00f067aa0ba902b7', sampled: true }],
    [`00-${traceId}-00f067aa0ba902b7-01-more`, undefined],
    [`ff-${traceId}-00f067aa0ba902b7-01`, undefined],
    [`00-${'0'.repeat(32)}-00f067aa0ba902b7-01`, undefined],
    [`00-${traceId}-${'0'.repeat(16)}-01`, undefined],
    [`00-${traceId.toUpperCase()}-00f067aa0ba902b7-01`, undefined],
    [7, undefined],
  ])('of W3C are read as its specification says: %s', (text, context) => {
    expect(readTraceparent(text)).toEqual(context)
  })

  it('of AWS become those of W3C', () => {
    expect(readAmznTraceId('Self=1-1-1;Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=0')).toEqual({
      traceId: '5759e988bd862e3fe1be46a994272793',
      sampled: false,
    })
    expect(readAmznTraceId('Root=1-zzz')).toBeUndefined()
  })
})
