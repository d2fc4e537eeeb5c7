// What a developer would write with the SDK alone: its handler behind node:http, bundled.
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createMcpHandler } from '@modelcontextprotocol/server'
import { benchFactory } from './factory.ts'

const handler = createMcpHandler(benchFactory(1, 'once'))
const server = createServer(async (req, res) => {
  const chunks: Buffer[] = []
  for await (const chunk of req) chunks.push(chunk as Buffer)
  const request = new Request(`http://${req.headers.host}${req.url}`, {
    method: req.method ?? 'POST',
    headers: req.headers as Record<string, string>,
    body: Buffer.concat(chunks),
  })
  const response = await handler.fetch(request)
  res.writeHead(response.status, Object.fromEntries(response.headers)).end(Buffer.from(await response.arrayBuffer()))
})
server.listen(0, '127.0.0.1', () =>
  console.log(JSON.stringify({ listening: `http://127.0.0.1:${(server.address() as AddressInfo).port}` })),
)
