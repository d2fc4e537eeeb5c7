import { fileURLToPath } from 'node:url'
import { signIn } from '../../src/connect/sign-in.ts'
import type { FairleadConfig } from '../../src/config.ts'
import { startStack, type Stack } from '../../src/local/stack.ts'
import type { Platform } from '../../src/platforms.ts'
import { temporaryFolder } from '../support/temporary.ts'
import type { Target } from './clients.ts'
import { ScriptedProvider } from './scripted-provider.ts'

const entry = fileURLToPath(new URL('../fixtures/contract-server.ts', import.meta.url))

/** Starts a platform that OAuth guards, for the contract suite: clients sign in as ada by themselves, raw requests carry her token. */
export async function oauthTarget(
  platform: Platform,
  platforms: FairleadConfig['platforms'],
): Promise<Target & { stack: Stack }> {
  const folder = await temporaryFolder()
  const config: FairleadConfig = {
    name: 'contract',
    server: { kind: 'module', entry },
    scopes: { read: { description: 'Read what the contract server has', groups: ['readers'] } },
    baseScopes: ['read'],
    tools: { hang: { timeoutMs: 300 } },
    platforms,
  }
  const stack = await startStack({ dir: folder.path, configFile: '', config }, { port: 0 })
  const ada = stack.users.find(({ username }) => username === 'ada')!
  const { url } = stack.endpoints[platform]!
  const { accessToken } = await signIn({ url, ...ada })
  const { sub } = JSON.parse(Buffer.from(accessToken.split('.')[1]!, 'base64url').toString()) as { sub: string }
  return {
    stack,
    url,
    provider: new ScriptedProvider(ada),
    // The clients bring their own token; what has none is a raw request of the suite.
    fetch: (input, init) => {
      const headers = new Headers(init?.headers)
      if (!headers.has('authorization')) headers.set('authorization', `Bearer ${accessToken}`)
      return fetch(input, { ...init, headers })
    },
    principal: sub,
    close: async () => {
      await stack.close()
      await folder.remove()
    },
  }
}
