// A server of the sessions bench: ours with sessions, a server with one tool.
import { listen } from '../../src/http/node-server.ts'
import { createMcpEndpoint } from '../../src/mcp/endpoint.ts'
import { benchFactory } from './factory.ts'
import { announce } from './serve.ts'

const max = Number(process.argv[2])
const endpoint = createMcpEndpoint({ kind: 'factory', factory: benchFactory(1, 'once') }, { sessions: { max } })
announce(`${(await listen(endpoint.fetch)).url}/mcp`)
