import { Ajv } from 'ajv'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { metrics, metricsEnvironment } from '../../../src/aws/metrics.ts'
import { lineMaker } from '../../../src/adapters/observe/line.ts'
import type { Observed } from '../../../src/adapters/observe/observed.ts'
import { buildContract, call, runArtifact, type RunningArtifact } from './artifact.ts'

/** @see https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html#CloudWatch_Embedded_Metric_Format_Specification_structure_schema */
const emf = new Ajv().compile({
  type: 'object',
  required: ['_aws'],
  properties: {
    _aws: {
      type: 'object',
      required: ['Timestamp', 'CloudWatchMetrics'],
      properties: {
        Timestamp: { type: 'integer' },
        CloudWatchMetrics: {
          type: 'array',
          items: {
            type: 'object',
            required: ['Namespace', 'Dimensions', 'Metrics'],
            properties: {
              Namespace: { type: 'string', minLength: 1, maxLength: 1024 },
              Dimensions: {
                type: 'array',
                minItems: 1,
                items: {
                  type: 'array',
                  minItems: 0,
                  maxItems: 30,
                  items: { type: 'string', minLength: 1, maxLength: 250 },
                },
              },
              Metrics: {
                type: 'array',
                minItems: 1,
                maxItems: 100,
                items: {
                  type: 'object',
                  required: ['Name'],
                  additionalProperties: false,
                  properties: {
                    Name: { type: 'string', minLength: 1, maxLength: 1024 },
                    Unit: { enum: ['Count', 'Milliseconds'] },
                  },
                },
              },
            },
          },
        },
      },
    },
  },
})

type Line = Record<string, unknown> & {
  audit: Record<string, unknown>
  _aws?: { Timestamp: number; CloudWatchMetrics: { Dimensions: string[][]; Metrics: { Name: string }[] }[] }
}

/** What the schema cannot say: what is referred to stands at the root. */
function expectEmf(line: Line): void {
  emf(line)
  expect(emf.errors).toBeNull()
  const [directive] = line._aws!.CloudWatchMetrics
  for (const name of directive!.Dimensions.flat()) expect(line[name]).toMatch(/^.{1,1024}$/)
  for (const { Name } of directive!.Metrics) expect(line[Name]).toBeTypeOf('number')
  expect(Math.abs(line._aws!.Timestamp - Date.now())).toBeLessThan(60_000)
}

let built: Awaited<ReturnType<typeof buildContract>>
let running: RunningArtifact
beforeAll(async () => {
  built = await buildContract()
  running = await runArtifact(built.file, { ...metricsEnvironment('contract-test'), FAIRLEAD_PLATFORM: 'lambda' })
})
afterAll(async () => {
  await running.stop()
  await built.remove()
})

const lineOf = async (tool: string, more: (audit: Record<string, unknown>) => boolean = () => true) =>
  (await running.line(
    ({ audit }) => audit !== undefined && (audit as { tool: string }).tool === tool && more(audit),
  )) as unknown as Line

describe('a call of a tool', () => {
  it('is one line: audit, log and metrics, with no argument and no result', async () => {
    await (
      await running.post(call(1, 'echo', { text: 'a private matter' }), { authorization: 'Bearer sealed-token' })
    ).text()
    const line = await lineOf('echo')
    expect(line).toMatchObject({
      audit: { status: 200, method: 'tools/call', tool: 'echo', outcome: 'ok' },
      level: 'info',
      message: 'tools/call echo',
      requestId: line.audit.requestId,
      traceId: expect.stringMatching(/^[0-9a-f]{32}$/) as string,
      Server: 'contract-test',
      Platform: 'lambda',
      Tool: 'echo',
      Calls: 1,
      Errors: 0,
      Duration: line.audit.durationMs,
    })
    expectEmf(line)
    expect(line._aws!.CloudWatchMetrics[0]!.Dimensions).toEqual([
      ['Server', 'Platform'],
      ['Server', 'Platform', 'Tool'],
    ])
    expect(running.lines.join('\n')).not.toMatch(/a private matter|sealed-token/)
  })

  it.each([
    ['fail', 'tool_error', 'warn'],
    ['refuse', 'tool_error', 'warn'],
    ['no_such_tool', expect.stringMatching(/error/) as string, 'warn'],
  ])('that ends with an error says so: %s', async (tool, outcome, level) => {
    await (await running.post(call(2, tool))).text()
    const line = await lineOf(tool)
    expect(line).toMatchObject({ audit: { outcome }, level, Calls: 1, Errors: 1 })
    expectEmf(line)
    // A name that has never worked is no dimension: whoever calls could make as many as they like.
    expect(line).not.toHaveProperty('Tool')
  })

  it('has the line of what it threw beside it, by request id and trace id', async () => {
    await (await running.post(call(3, 'fail'))).text()
    const thrown = (await running.line(({ logId }) => logId !== undefined)) as unknown as Record<string, string>
    expect(thrown).toMatchObject({ level: 'error', tool: 'fail' })
    const line = await lineOf('fail', ({ requestId }) => requestId === thrown.requestId)
    expect(thrown.traceId).toBe(line.traceId)
  })

  it('that streams is told when its stream has ended', async () => {
    const steps = { steps: 3, every_ms: 30 }
    const response = await running.post(call(4, 'progress', steps, { progressToken: 'p' }))
    expect(response.headers.get('content-type')).toContain('text/event-stream')
    await response.text()
    const line = await lineOf('progress')
    expect(line.audit.outcome).toBe('ok')
    expect(line.Duration).toBeGreaterThan(85)
  })

  it('whose client went away was aborted, and is no error', async () => {
    const gone = new AbortController()
    const steps = { steps: 500, every_ms: 10 }
    const response = await fetch(`${running.url}/mcp`, {
      method: 'POST',
      signal: gone.signal,
      body: JSON.stringify(call(5, 'progress', steps, { progressToken: 'q' })),
      headers: { 'content-type': 'application/json', accept: 'application/json, text/event-stream' },
    })
    await response.body!.getReader().read()
    gone.abort()
    const line = await lineOf('progress', ({ outcome }) => outcome === 'aborted')
    expect(line).toMatchObject({ Calls: 1, Errors: 0, level: 'info' })
  })

  it('of the revision without sessions is told too', async () => {
    const modern = {
      'io.modelcontextprotocol/protocolVersion': '2026-07-28',
      'io.modelcontextprotocol/clientInfo': { name: 't', version: '1' },
      'io.modelcontextprotocol/clientCapabilities': {},
    }
    const response = await running.post(call(6, 'add', { a: 1, b: 2 }, modern), {
      'mcp-protocol-version': '2026-07-28',
      'mcp-method': 'tools/call',
      'mcp-name': 'add',
    })
    expect(await response.text()).toContain('"sum":3')
    expect((await lineOf('add')).audit).toMatchObject({ outcome: 'ok', status: 200 })
  })
})

describe('other requests', () => {
  it('have a line without metrics, and a notification and a health check have none', async () => {
    await (await running.post({ jsonrpc: '2.0', id: 9, method: 'tools/list' })).text()
    const line = (await running.line(({ message }) => message === 'tools/list')) as unknown as Line
    expect(line).not.toHaveProperty('_aws')
    await (await running.post({ jsonrpc: '2.0', method: 'notifications/initialized' })).text()
    await (await fetch(`${running.url}/healthz`)).text()
    await (await running.post({ jsonrpc: '2.0', id: 10, method: 'ping' })).text()
    await running.line(({ message }) => message === 'ping')
    expect(running.lines.join('\n')).not.toMatch(/notifications\/initialized|healthz/)
  })

  it('carry the trace of AWS where it gives one', async () => {
    const root = 'Root=1-67891233-abcdef012345678912345678;Parent=53995c3f42cd8ad8;Sampled=1'
    await (await running.post({ jsonrpc: '2.0', id: 11, method: 'prompts/list' }, { 'x-amzn-trace-id': root })).text()
    const line = await running.line(({ message }) => message === 'prompts/list')
    expect(line).toMatchObject({ traceId: '67891233abcdef012345678912345678' })
  })
})

describe('the dimensions', () => {
  const observed = (tool: string, outcome: Observed['outcome'] = 'ok'): Observed => ({
    call: { requestId: 'r', traceId: '0'.repeat(32), sampled: true, method: 'tools/call', tool, rpcId: 1 },
    note: {},
    status: 200,
    outcome,
    startedAt: Date.now(),
    durationMs: 1,
  })

  it('are bounded: fifty tools have one each, the rest counts without', () => {
    const make = lineMaker({ server: 's', platform: 'lambda' })
    const lines = Array.from({ length: 60 }, (_, at) => JSON.parse(make(observed(`tool-${at}`))) as Line)
    expect(lines.filter((line) => metrics.tool in line)).toHaveLength(50)
    for (const line of lines) expectEmf(line)
    expect(JSON.parse(make(observed('tool-3', 'tool_error')))).toMatchObject({ Tool: 'tool-3', Errors: 1 })
    expect(JSON.parse(make(observed('line\nbreak')))).not.toHaveProperty('Tool')
  })
})

describe('the settings', () => {
  it('off, nothing is written of a call; a value that is none is refused on start', async () => {
    const quiet = await runArtifact(built.file, { FAIRLEAD_METRICS: 'off' })
    await (await quiet.post(call(1, 'echo', { text: 'x' }))).text()
    await quiet.stop()
    expect(quiet.lines).toHaveLength(1)
    await expect(runArtifact(built.file, { FAIRLEAD_METRICS: 'statsd' })).rejects.toThrow(/it may be emf or off/)
    const grpc = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:1', OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' }
    await expect(runArtifact(built.file, grpc)).rejects.toThrow(/http\/json alone/)
  })
})
