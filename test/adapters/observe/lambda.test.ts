import { cp, mkdir } from 'node:fs/promises'
import { createServer } from 'node:http'
import { createRequire } from 'node:module'
import type { AddressInfo } from 'node:net'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { metricsEnvironment } from '../../../src/aws/metrics.ts'
import { startLocalFunction } from '../../../src/local/lambda/function.ts'
import { temporaryFolder } from '../../support/temporary.ts'
import { buildContract, call } from './artifact.ts'

let folder: Awaited<ReturnType<typeof temporaryFolder>>
let built: Awaited<ReturnType<typeof buildContract>>
beforeAll(async () => {
  folder = await temporaryFolder()
  built = await buildContract()
})
afterAll(async () => {
  await built.remove()
  await folder.remove()
})

/** AWS's own runtime client, unmodified; its native addon is replaced. Its console puts the time in front of each line. */
async function awsRuntimeClient(): Promise<string[]> {
  const dir = join(folder.path, 'aws-lambda-ric')
  const from = dirname(createRequire(import.meta.url).resolve('aws-lambda-ric/package.json'))
  await mkdir(join(dir, 'rapid-client.node'), { recursive: true })
  await cp(join(from, 'index.mjs'), join(dir, 'index.mjs'))
  await cp(new URL('../../fixtures/rapid-client.cjs', import.meta.url), join(dir, 'rapid-client.node/index.js'))
  return [process.execPath, join(dir, 'index.mjs')]
}

const event = (message: unknown) =>
  Buffer.from(
    JSON.stringify({
      version: '2.0',
      rawPath: '/mcp',
      rawQueryString: '',
      headers: {
        host: 'abc.lambda-url.us-east-1.on.aws',
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
      },
      requestContext: {
        http: { method: 'POST', path: '/mcp', sourceIp: '127.0.0.1', protocol: 'HTTP/1.1', userAgent: 't' },
        authorizer: { iam: { userArn: 'arn:aws:iam::111122223333:role/agent' } },
        domainName: 'abc.lambda-url.us-east-1.on.aws',
      },
      body: JSON.stringify(message),
      isBase64Encoded: false,
    }),
  )

describe.each([
  ['our runtime client', async () => undefined],
  ['AWS’s own runtime client', awsRuntimeClient],
])('on Lambda, under %s', (_client, commandOf) => {
  it('lines are JSON alone, with who called, and spans are sent before the invocation ends', async () => {
    let exported!: (body: string) => void
    const spans = new Promise<string>((resolve) => (exported = resolve))
    const collector = createServer((req, res) => {
      let text = ''
      req.on('data', (chunk: Buffer) => (text += chunk.toString()))
      req.on('end', () => {
        res.end('{}')
        exported(text)
      })
    })
    await new Promise<void>((resolve) => collector.listen(0, '127.0.0.1', resolve))
    const lines: string[] = []
    const command = await commandOf()
    const fn = await startLocalFunction({
      name: 'observed',
      region: 'us-east-1',
      accountId: '111122223333',
      memoryMb: 256,
      timeoutS: 10,
      artifactDir: dirname(built.file),
      env: {
        ...metricsEnvironment('sample-prod'),
        FAIRLEAD_PLATFORM: 'lambda',
        OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${(collector.address() as AddressInfo).port}`,
      },
      log: (line) => lines.push(line.trim()),
      ...(command ? { command } : {}),
    })
    const invocation = await fn.invoke({ payload: event(call(1, 'fail')) })
    if (invocation.kind !== 'stream') throw new Error('no stream')
    for await (const _chunk of invocation.body) void _chunk
    // Between calls the process is frozen: what it sends afterwards would never arrive.
    expect(await spans).toContain('"name":"tools/call fail"')
    await fn.close()
    collector.closeAllConnections()
    collector.close()
    const thrown = lines.find((line) => line.includes('hunter2'))!
    const line = lines.find((each) => each.startsWith('{"audit"'))!
    expect(JSON.parse(thrown)).toMatchObject({
      level: 'error',
      requestId: (JSON.parse(line) as { requestId: string }).requestId,
    })
    expect(JSON.parse(line)).toMatchObject({
      audit: { principal: 'arn:aws:iam::111122223333:role/agent', tool: 'fail', outcome: 'tool_error' },
      Server: 'sample-prod',
      Platform: 'lambda',
      Errors: 1,
    })
  })
})
