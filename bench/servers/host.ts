// A server of the host bench: ours, the SDK's own Node handler, or a bare node:http that answers the same bytes.
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createMcpHandler } from '@modelcontextprotocol/server'
import { listen } from '../../src/http/node-server.ts'
import { createMcpEndpoint } from '../../src/mcp/endpoint.ts'
import { benchFactory } from './factory.ts'
import { announce } from './serve.ts'

const [kind, tools, schemas] = process.argv.slice(2) as [string, string, 'once' | 'each']
const factory = benchFactory(Number(tools), schemas)

if (kind === 'ours') {
  const endpoint = createMcpEndpoint({ kind: 'factory', factory })
  announce(`${(await listen(endpoint.fetch)).url}/mcp`)
} else {
  const handler = kind === 'sdk' ? await sdk() : floor
  const server = createServer(handler)
  server.listen(0, '127.0.0.1', () => announce(`http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`))
}

async function sdk(): Promise<Parameters<typeof createServer>[1] & {}> {
  const path = new URL('../../tools/interop/node_modules/@modelcontextprotocol/node/dist/index.mjs', import.meta.url)
    .href
  const { toNodeHandler } = (await import(path)) as {
    toNodeHandler: (handler: unknown) => Parameters<typeof createServer>[1] & {}
  }
  return toNodeHandler(createMcpHandler(factory))
}

function floor(
  req: Parameters<Parameters<typeof createServer>[1] & {}>[0],
  res: Parameters<Parameters<typeof createServer>[1] & {}>[1],
): void {
  const chunks: Buffer[] = []
  req.on('data', (chunk: Buffer) => chunks.push(chunk))
  req.on('end', () => {
    const { id, params } = JSON.parse(Buffer.concat(chunks).toString()) as {
      id: number
      params: { arguments: { text: string } }
    }
    const body = JSON.stringify({
      jsonrpc: '2.0',
      id,
      result: { content: [{ type: 'text', text: params.arguments.text }], resultType: 'complete' },
    })
    res.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }).end(body)
  })
}
