import { createMcpEndpoint } from '../../src/mcp/endpoint.ts'
import { listen } from '../../src/http/node-server.ts'
import { noBindings } from '../../src/gateway/bindings.ts'
import { readGateway, readTarget } from '../../src/gateway/definitions/read.ts'
import { openGateway } from '../../src/gateway/open.ts'
import { contractSuite } from './suite.ts'
import factory from '../fixtures/contract-server.ts'

const role = 'arn:aws:iam::111122223333:role/gateway'
const gateway = readGateway({
  name: 'contract',
  roleArn: role,
  authorizerType: 'NONE',
  protocolConfiguration: { mcp: { streamingConfiguration: { enableResponseStreaming: true } } },
})

for (const listingMode of ['DEFAULT', 'DYNAMIC'] as const)
  contractSuite(`agentcore-gateway, an MCP server, ${listingMode}`, async () => {
    const endpoint = createMcpEndpoint({ kind: 'factory', factory }, { tools: { hang: { timeoutMs: 300 } } })
    const upstream = await listen(endpoint.fetch)
    const target = readTarget({
      name: 'contract',
      targetConfiguration: { mcp: { mcpServer: { endpoint: 'https://contract.example.com/mcp', listingMode } } },
    })
    const opened = await openGateway({
      gateway,
      targets: [target],
      bindings: { ...noBindings, endpoints: { 'https://contract.example.com': upstream.url } },
      invoke: async () => ({ payload: Buffer.alloc(0) }),
      roleCredentials: async () => ({ accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'secret' }),
      region: 'us-east-1',
    })
    const server = await listen(opened.fetch)
    return {
      url: `${server.url}/mcp`,
      fetch,
      principal: 'anonymous',
      gateway: { serverName: 'agentcore-gateway', prefix: 'contract___' },
      close: async () => {
        await server.close()
        await opened.close()
        await upstream.close()
        await endpoint.close()
      },
    }
  })
