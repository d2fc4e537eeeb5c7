import { execFile } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import { listen } from '../../src/http/node-server.ts'
import { createMcpEndpoint } from '../../src/mcp/endpoint.ts'
import { loadServer } from '../../src/server/load.ts'
import { temporaryFolder } from '../support/temporary.ts'

const run = promisify(execFile)

/** As its own documentation has it: nothing in it knows of fairlead. */
const server = `import os
import uvicorn
from mcp.server.fastmcp import FastMCP

mcp = FastMCP("python-server", stateless_http=True)

@mcp.tool()
def add(a: int, b: int) -> int:
    """Adds two numbers."""
    return a + b

uvicorn.run(mcp.streamable_http_app(), host="127.0.0.1", port=int(os.environ["PORT"]), log_level="error")
`

export interface Proof {
  ok: boolean
  skipped?: boolean
  said: string
}

/** Runs a server of the pip package mcp as an HTTP command and calls it through our endpoint. */
export async function fastmcp(): Promise<Proof> {
  const folder = await temporaryFolder()
  const python = join(folder.path, 'venv/bin/python')
  try {
    await run('python3', ['-m', 'venv', join(folder.path, 'venv')])
    await run(python, ['-m', 'pip', 'install', '--quiet', 'mcp<2'], { timeout: 240_000 })
  } catch (error) {
    await folder.remove()
    return {
      ok: false,
      skipped: true,
      said: `skipped, Python with pip is not here (${(error as Error).message.split('\n')[0]})`,
    }
  }
  await writeFile(join(folder.path, 'server.py'), server)
  const source = await loadServer(
    { kind: 'http', command: python, args: ['server.py'] },
    { projectDir: folder.path, log: () => {} },
  )
  const endpoint = createMcpEndpoint(source)
  const http = await listen(endpoint.fetch)
  try {
    const client = new Client({ name: 'interop', version: '1' })
    await client.connect(new StreamableHTTPClientTransport(new URL(`${http.url}/mcp`)))
    const result = await client.callTool({ name: 'add', arguments: { a: 2, b: 3 } })
    await client.close()
    const text = (result.content as { text: string }[])[0]?.text
    return { ok: text === '5', said: `${client.getServerVersion()?.name ?? 'it'} adds 2 and 3 to ${text}` }
  } finally {
    await http.close()
    await endpoint.close()
    await folder.remove()
  }
}
