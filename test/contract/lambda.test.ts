import { fileURLToPath } from 'node:url'
import { sigv4Fetch } from '../../src/auth/sigv4/fetch.ts'
import { startStack } from '../../src/local/stack.ts'
import { contractSuite } from './suite.ts'
import { temporaryFolder } from '../support/temporary.ts'

const entry = fileURLToPath(new URL('../fixtures/contract-server.ts', import.meta.url))

contractSuite('lambda', async () => {
  const folder = await temporaryFolder()
  const config = {
    name: 'contract',
    server: { kind: 'module', entry },
    tools: { hang: { timeoutMs: 300 } },
    platforms: { lambda: { concurrency: 30 } },
  } as const
  const stack = await startStack({ dir: folder.path, configFile: '', config: { ...config } }, { port: 0 })
  const agent = stack.identities.find(({ name }) => name === 'agent')!
  return {
    url: stack.endpoints.lambda!.url,
    fetch: sigv4Fetch({ credentials: agent, service: 'lambda', region: 'us-east-1' }),
    principal: agent.arn,
    close: async () => {
      await stack.close()
      await folder.remove()
    },
  }
})
