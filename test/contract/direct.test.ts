import { listen } from '../../src/http/node-server.ts'
import { createMcpEndpoint } from '../../src/mcp/endpoint.ts'
import factory from '../fixtures/contract-server.ts'
import { contractSuite } from './suite.ts'

contractSuite('the MCP host alone', async () => {
  const endpoint = createMcpEndpoint({ kind: 'factory', factory }, { tools: { hang: { timeoutMs: 300 } } })
  const server = await listen(endpoint.fetch, {
    context: () => ({ requestId: 'r', principal: { kind: 'iam', id: 'arn:aws:iam::000000000000:role/test' } }),
  })
  return {
    url: `${server.url}/mcp`,
    fetch,
    principal: 'arn:aws:iam::000000000000:role/test',
    close: async () => {
      await server.close()
      await endpoint.close()
    },
  }
})
