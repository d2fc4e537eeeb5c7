import { fileURLToPath } from 'node:url'
import { sigv4Fetch } from '../../src/auth/sigv4/fetch.ts'
import { startStack } from '../../src/local/stack.ts'
import { contractSuite } from './suite.ts'
import { temporaryFolder } from '../support/temporary.ts'

const entry = fileURLToPath(new URL('../fixtures/contract-server.ts', import.meta.url))

contractSuite('agentcore-runtime', async () => {
  const folder = await temporaryFolder()
  const config = {
    name: 'contract',
    server: { kind: 'module', entry },
    tools: { hang: { timeoutMs: 300 } },
    platforms: { 'agentcore-runtime': { modernSessions: 'pool' } },
  } as const
  const stack = await startStack({ dir: folder.path, configFile: '', config: { ...config } }, { port: 0 })
  const agent = stack.identities.find(({ name }) => name === 'agent')!
  return {
    url: stack.endpoints['agentcore-runtime']!.url,
    fetch: sigv4Fetch({ credentials: agent, service: 'bedrock-agentcore', region: 'us-east-1' }),
    // Behind IAM the Runtime does not tell the server who calls.
    principal: 'anonymous',
    // It keeps what a server refuses to itself: clients get -32010 inside HTTP 200.
    refusal: () => ({ status: 200, code: -32010 }),
    close: async () => {
      await stack.close()
      await folder.remove()
    },
  }
})
