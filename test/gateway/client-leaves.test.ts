import { mkdir, writeFile } from 'node:fs/promises'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { noBindings } from '../../src/gateway/bindings.ts'
import { readTarget } from '../../src/gateway/definitions/read.ts'
import { invokeOnAws } from '../../src/gateway/targets/invoke-on-aws.ts'
import { startLocalFunctions } from '../../src/local/agentcore-gateway/functions.ts'
import { temporaryFolder } from '../support/temporary.ts'
import { apiTarget, lambdaArn, lambdaTarget, mcpTarget, startGateway, startUpstream, type Running } from './support.ts'

const credentials = async () => ({ accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'wJalrXUtnFEMI' })
const call = (name: string) =>
  JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name, arguments: { text: 'x' } } })

/** Calls a tool, and leaves when `reached` says so. */
async function leave(gateway: Running, name: string, reached: Promise<unknown>): Promise<void> {
  const gone = new AbortController()
  const headers = { 'content-type': 'application/json', 'mcp-protocol-version': '2025-11-25' }
  const asked = fetch(gateway.url, { method: 'POST', body: call(name), headers, signal: gone.signal })
  await reached
  gone.abort()
  await expect(asked).rejects.toThrow('aborted')
}

/** A server that never answers what `hangs`, and says when that came and when its connection was closed. */
async function startHanging(
  hangs: (req: IncomingMessage, body: string) => boolean,
  answer: (body: string, res: ServerResponse) => void = (_body, res) => res.end(),
) {
  const { promise: reached, resolve: isReached } = Promise.withResolvers<void>()
  const { promise: closed, resolve: isClosed } = Promise.withResolvers<void>()
  const bodies: string[] = []
  const server = createServer((req, res) => {
    const chunks: Buffer[] = []
    req.on('data', (chunk: Buffer) => chunks.push(chunk))
    req.on('end', () => {
      const body = Buffer.concat(chunks).toString()
      bodies.push(body)
      if (!hangs(req, body)) return answer(body, res)
      res.once('close', () => isClosed())
      isReached()
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    reached,
    closed,
    bodies,
    close: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

describe('when its client leaves, a call', () => {
  it('of a Lambda on AWS is abandoned: the connection to Lambda is closed', async () => {
    const lambda = await startHanging(() => true)
    const { invoke, close } = invokeOnAws({ credentials, endpoint: lambda.url })
    const gateway = await startGateway([lambdaTarget()], { invoke })
    await leave(gateway, 'orders___echo', lambda.reached)
    await lambda.closed
    await gateway.close()
    await close()
    await lambda.close()
  })

  it('of a Lambda here is abandoned: the gateway waits for it no more, and the function is there for the next', async () => {
    const folder = await temporaryFolder()
    // The next call may find the first environment still busy, and get one of its own: that one need not wait.
    let mayGoOn = false
    const began = await startUpstream((_req, _body, res) => {
      if (mayGoOn) return void res.end()
      waiting.push(res)
      isReached()
    })
    const waiting: ServerResponse[] = []
    const { promise: reached, resolve: isReached } = Promise.withResolvers<void>()
    await mkdir(join(folder.path, 'orders'))
    await writeFile(
      join(folder.path, 'orders/index.mjs'),
      `export const handler = async () => {
  await fetch('${began.url}/go-on')
  return {}
}`,
    )
    const bindings = { ...noBindings, dir: folder.path, functions: { [lambdaArn]: { handler: './orders/index.mjs' } } }
    const functions = await startLocalFunctions([readTarget(lambdaTarget())], bindings, () => {})
    const { promise: abandoned, resolve: isAbandoned } = Promise.withResolvers<string>()
    const gateway = await startGateway([lambdaTarget()], { invoke: functions.invoke, log: isAbandoned })
    await leave(gateway, 'orders___echo', reached)
    // It fails here and now, while the function still runs.
    expect(await abandoned).toContain('CancelledException')
    expect(waiting).toHaveLength(1)
    mayGoOn = true
    for (const res of waiting) res.end()
    expect((await gateway.call('orders___echo', { text: 'x' })).isError).toBe(false)
    await gateway.close()
    await functions.close()
    await began.close()
    await folder.remove()
  })

  it('of a REST API is abandoned', async () => {
    const api = await startHanging(() => true)
    const document = {
      openapi: '3.0.3',
      info: { title: 'API', version: '1' },
      servers: [{ url: 'https://api.example.com' }],
      paths: { '/slow': { get: { operationId: 'slow', parameters: [{ name: 'text', in: 'query', schema: {} }] } } },
    }
    const gateway = await startGateway([apiTarget(document)], { endpoints: { 'https://api.example.com': api.url } })
    await leave(gateway, 'api___slow', api.reached)
    await api.closed
    await gateway.close()
    await api.close()
  })

  it('of an MCP server is cancelled: one of an older revision is told so as well', async () => {
    const server = await startHanging(
      (_req, body) => body.includes('tools/call'),
      (body, res) => {
        const { id, method } = body === '' ? { method: '' } : (JSON.parse(body) as { id?: number; method: string })
        const results: Record<string, object> = {
          initialize: { protocolVersion: '2025-06-18', capabilities: {}, serverInfo: { name: 'old', version: '1' } },
        }
        if (method === 'notifications/cancelled') isTold(body)
        if (id === undefined) return void res.writeHead(202).end()
        const said = results[method] ? { result: results[method] } : { error: { code: -32_601, message: 'no' } }
        res.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ jsonrpc: '2.0', id, ...said }))
      },
    )
    const { promise: told, resolve: isTold } = Promise.withResolvers<string>()
    const inlinePayload = JSON.stringify([{ name: 'slow', inputSchema: { type: 'object' } }])
    const target = mcpTarget('old', { mcpToolSchema: { inlinePayload } })
    const gateway = await startGateway([target], { endpoints: { 'https://old.example.com': server.url } })
    await leave(gateway, 'old___slow', server.reached)
    await server.closed
    const call_ = server.bodies.find((body) => body.includes('tools/call'))!
    expect(JSON.parse(await told)).toMatchObject({
      method: 'notifications/cancelled',
      params: { requestId: (JSON.parse(call_) as { id: number }).id },
    })
    await gateway.close()
    await server.close()
  })
})
