import { existsSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Client, StreamableHTTPClientTransport, type OAuthClientProvider } from '@modelcontextprotocol/client'
import { chromium } from 'playwright-core'
import type { LocalUser } from '../../src/local/state.ts'

const programs = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome']

export interface BrowserOutcome {
  ok: boolean
  skipped?: boolean
  said: string
}

/**
 * Signs a person in with a real browser: the client is sent to the authorization endpoint, Chromium goes there, the login
 * page and the consent page are filled as a person does, and a tool answers. Pictures of both pages go to a folder when one
 * is named.
 */
export async function signInByBrowser(url: string, person: LocalUser, pictures?: string): Promise<BrowserOutcome> {
  const program = programs.find((each) => existsSync(each))
  if (!program) return { ok: false, skipped: true, said: 'skipped: no Chromium on this machine' }
  const callback = await startCallback()
  const browser = await chromium.launch({ executablePath: program, args: ['--no-sandbox'] })
  try {
    const page = await browser.newPage({ viewport: { width: 480, height: 800 } })
    const picture = async (name: string) => {
      if (pictures) await page.screenshot({ path: `${pictures}/${name}.png` })
    }
    const violations: string[] = []
    page.on('console', (message) => message.type() === 'error' && violations.push(message.text()))
    const provider = providerOf(callback.url, async (target) => {
      await page.goto(target.href)
      await picture('login')
      await page.fill('input[name=username]', person.username)
      await page.fill('input[type=password]', person.password)
      await page.keyboard.press('Enter')
      await page.waitForURL(/interaction/)
      await picture('consent')
      await page.getByRole('button', { name: /allow|approve/i }).click()
      await page.waitForURL((at) => at.href.startsWith(callback.url))
    })
    const connect = async (): Promise<Client> => {
      const client = new Client({ name: 'browser', version: '1.0.0' })
      const transport = new StreamableHTTPClientTransport(new URL(url), { authProvider: provider })
      await client.connect(transport).catch(async (error: unknown) => {
        if (!callback.came()) throw error
        await transport.finishAuth(callback.came()!)
        throw error
      })
      return client
    }
    const client = await connect().catch(() => connect())
    const { content } = await client.callTool({
      name: 'get_account_summary',
      arguments: { account_id: '111122223333' },
    })
    await client.close()
    const text = JSON.stringify(content)
    if (violations.length > 0) return { ok: false, said: `the pages complain: ${violations.join(' | ')}` }
    return { ok: text.includes('111122223333'), said: 'signed in by the pages, and a tool answered' }
  } catch (error) {
    return { ok: false, said: String(error).slice(0, 500) }
  } finally {
    await browser.close()
    await callback.close()
  }
}

/** Where the browser comes back to. */
async function startCallback() {
  let came: URLSearchParams | undefined
  const server = createServer((req, res) => {
    const { pathname, searchParams } = new URL(req.url ?? '/', 'http://127.0.0.1')
    if (pathname === '/callback') came = searchParams
    res.end('You can close this window.')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/callback`,
    came: () => came,
    close: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

function providerOf(redirectUrl: string, go: (url: URL) => Promise<void>): OAuthClientProvider {
  const kept = new Map<string, unknown>()
  return {
    redirectUrl,
    clientMetadata: {
      client_name: 'Interop browser',
      redirect_uris: [redirectUrl],
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
      token_endpoint_auth_method: 'none',
    },
    clientInformation: () => kept.get('client') as never,
    saveClientInformation: (client) => void kept.set('client', client),
    tokens: () => kept.get('tokens') as never,
    saveTokens: (tokens) => void kept.set('tokens', tokens),
    codeVerifier: () => kept.get('verifier') as string,
    saveCodeVerifier: (verifier) => void kept.set('verifier', verifier),
    discoveryState: () => kept.get('discovery') as never,
    saveDiscoveryState: (state) => void kept.set('discovery', state),
    redirectToAuthorization: go,
  }
}
