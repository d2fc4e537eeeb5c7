import { createHash, randomUUID } from 'node:crypto'
import { decodeJwt } from 'jose'
import { listen } from '../../src/http/node-server.ts'
import type { RunningCognito } from '../../src/local/cognito/start.ts'

interface Granted {
  username: string
  scope: string
  clientId: string
  resource: string
}

export interface TestAuthorizationServer {
  issuer: string
  /** Access tokens that live. */
  tokens: Map<string, Granted>
  refreshTokens: Map<string, Granted>
  clients: Map<string, string[]>
  counts: { registrations: number; signIns: number; refreshes: number }
  /** What a test may bend. */
  bent: {
    metadata?: Record<string, unknown>
    callback?: (parameters: Record<string, string>) => Record<string, string>
    lifeS?: number
    consentPage?: string
  }
  close(): Promise<void>
}

/** A small authorization server with registration and consent, and the stand-in for Cognito behind it. Opaque tokens. */
export async function startAuthorizationServer(
  cognito: RunningCognito,
  scopesOf: (username: string) => string[],
): Promise<TestAuthorizationServer> {
  const flows = new Map<string, Record<string, string>>()
  const codes = new Map<string, Granted & { challenge: string; redirectUri: string }>()
  const state: Omit<TestAuthorizationServer, 'issuer' | 'close'> = {
    tokens: new Map(),
    refreshTokens: new Map(),
    clients: new Map(),
    counts: { registrations: 0, signIns: 0, refreshes: 0 },
    bent: {},
  }
  const server = await listen(async (request) => {
    const url = new URL(request.url)
    const form = new URLSearchParams(await request.text())
    const flowId = /flow=([\w-]+)/.exec(request.headers.get('cookie') ?? '')?.[1] ?? ''
    const flow = flows.get(flowId)
    const path = url.pathname
    if (path === '/.well-known/oauth-authorization-server')
      return Response.json({
        issuer: server.url,
        authorization_endpoint: `${server.url}/authorize`,
        token_endpoint: `${server.url}/token`,
        registration_endpoint: `${server.url}/register`,
        response_types_supported: ['code'],
        code_challenge_methods_supported: ['S256'],
        token_endpoint_auth_methods_supported: ['none'],
        authorization_response_iss_parameter_supported: true,
        ...state.bent.metadata,
      })
    if (path === '/register') {
      state.counts.registrations++
      const body = JSON.parse(await request.text()) as { redirect_uris: string[] }
      const client_id = randomUUID()
      state.clients.set(client_id, body.redirect_uris)
      return Response.json({ ...body, client_id }, { status: 201 })
    }
    if (path === '/authorize') {
      const asked = Object.fromEntries(url.searchParams)
      if (!state.clients.get(asked.client_id!)?.includes(asked.redirect_uri!))
        return page(400, '<h1>invalid_client</h1>')
      const id = randomUUID()
      flows.set(id, asked)
      const upstream = new URLSearchParams({
        response_type: 'code',
        client_id: 'as',
        redirect_uri: `${server.url}/callback`,
        scope: 'openid',
        state: id,
      })
      return go(`${cognito.url}/oauth2/authorize?${upstream.toString()}`, `flow=${id}; Path=/callback`)
    }
    if (path === '/callback') {
      if (!flow || url.searchParams.get('state') !== flowId) return page(400, 'another flow')
      const answer = await fetch(`${cognito.url}/oauth2/token`, {
        method: 'POST',
        body: new URLSearchParams({
          grant_type: 'authorization_code',
          client_id: 'as',
          client_secret: 'as-secret',
          redirect_uri: `${server.url}/callback`,
          code: url.searchParams.get('code')!,
        }),
      })
      const { id_token } = (await answer.json()) as { id_token: string }
      flow.username = decodeJwt(id_token)['cognito:username'] as string
      state.counts.signIns++
      return go('/interaction/1', `flow=${flowId}; Path=/interaction`)
    }
    if (path === '/interaction/1') return page(200, state.bent.consentPage ?? consentPage)
    if (path === '/interaction/confirm' && flow) {
      const allowed = scopesOf(flow.username!)
      const scope = (flow.scope ?? '')
        .split(' ')
        .filter((each) => allowed.includes(each))
        .join(' ')
      const code = randomUUID()
      codes.set(code, {
        username: flow.username!,
        scope,
        clientId: flow.client_id!,
        resource: flow.resource!,
        challenge: flow.code_challenge!,
        redirectUri: flow.redirect_uri!,
      })
      const said: Record<string, string> =
        form.get('choice') === 'allow' && form.get('_csrf') === 'a&b' ? { code } : { error: 'access_denied' }
      const parameters = { ...said, state: flow.state!, iss: server.url }
      return go(
        `${flow.redirect_uri}?${new URLSearchParams(state.bent.callback?.(parameters) ?? parameters).toString()}`,
      )
    }
    if (path === '/token') return token(form)
    if (path === '/password-in-address') return page(200, '<form><input name=u><input name=p type=password></form>')
    return page(404, 'nothing')
  })

  function token(form: URLSearchParams): Response {
    if (form.get('grant_type') === 'refresh_token') {
      const presented = form.get('refresh_token')!
      const kept = state.refreshTokens.get(presented)
      state.refreshTokens.delete(presented)
      if (!kept || kept.clientId !== form.get('client_id'))
        return Response.json({ error: 'invalid_grant' }, { status: 400 })
      state.counts.refreshes++
      return issue(kept)
    }
    const code = codes.get(form.get('code') ?? '')
    codes.delete(form.get('code') ?? '')
    const challenge = createHash('sha256')
      .update(form.get('code_verifier') ?? '')
      .digest('base64url')
    if (
      code?.challenge !== challenge ||
      code.redirectUri !== form.get('redirect_uri') ||
      code.clientId !== form.get('client_id') ||
      code.resource !== form.get('resource')
    )
      return Response.json({ error: 'invalid_grant' }, { status: 400 })
    return issue(code)
  }

  function issue({ username, scope, clientId, resource }: Granted): Response {
    const [access, refresh] = [randomUUID(), randomUUID()]
    state.tokens.set(access, { username, scope, clientId, resource })
    state.refreshTokens.set(refresh, { username, scope, clientId, resource })
    return Response.json({
      access_token: access,
      refresh_token: refresh,
      token_type: 'Bearer',
      expires_in: state.bent.lifeS ?? 300,
      scope,
    })
  }

  cognito.addClient({ clientId: 'as', clientSecret: 'as-secret', callbackUrls: [`${server.url}/callback`] })
  return { ...state, issuer: server.url, close: () => server.close() }
}

const consentPage = `<!-- <form><button>Allow</button></form> -->
<form method="post" action="/logout"><button>Sign out</button></form>
<form method="post" action="/other"><button>Somebody else</button></form>
<form action='confirm' method=POST>
  <input type="hidden" name="_csrf" value="a&amp;b"><input type=checkbox name=remember>
  <button name="choice" value="deny">Do not allow</button>
  <button name="choice" value="allow" type="submit"><b>Allow</b> access</button>
</form>`

function page(status: number, body: string): Response {
  return new Response(`<!doctype html><title>t</title>${body}`, { status, headers: { 'content-type': 'text/html' } })
}

function go(location: string, cookie?: string): Response {
  return new Response(null, { status: 303, headers: { location, ...(cookie ? { 'set-cookie': cookie } : {}) } })
}
