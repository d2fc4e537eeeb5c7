// An MCP server as somebody else runs it: the official SDK behind node:http. It prints where it listens.
import { createServer } from 'node:http'
import { createMcpHandler, McpServer } from '@modelcontextprotocol/server'
import * as z from 'zod'

const notes = [{ customer: 'Grace Hopper', text: 'Prefers to be called in the morning.' }]
const find = z.object({ customer: z.string().describe('A part of the name') })
const add = z.object({ customer: z.string(), text: z.string() })

const handler = createMcpHandler(() => {
  const server = new McpServer({ name: 'notes', version: '1.0.0' })
  server.registerTool(
    'find_notes',
    { description: 'Finds notes about a customer.', inputSchema: find, annotations: { readOnlyHint: true } },
    async ({ customer }) => ({
      content: [{ type: 'text', text: JSON.stringify(notes.filter((note) => note.customer.includes(customer))) }],
    }),
  )
  server.registerTool('add_note', { description: 'Adds a note about a customer.', inputSchema: add }, async (note) => {
    notes.push(note)
    return { content: [{ type: 'text', text: `There are ${notes.length} notes.` }] }
  })
  return server
})

const server = createServer(async (req, res) => {
  const chunks = []
  for await (const chunk of req) chunks.push(chunk)
  const body = req.method === 'POST' ? { body: Buffer.concat(chunks) } : {}
  const request = new Request(`http://${req.headers.host}${req.url}`, {
    method: req.method,
    headers: req.headers,
    ...body,
  })
  const response = await handler.fetch(request)
  res.writeHead(response.status, Object.fromEntries(response.headers))
  for await (const chunk of response.body ?? []) res.write(chunk)
  res.end()
})
server.listen(0, '127.0.0.1', () => console.log(JSON.stringify({ url: `http://127.0.0.1:${server.address().port}` })))
process.stdin.on('end', () => process.exit()).resume()
