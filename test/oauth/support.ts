import { createHash, randomBytes } from 'node:crypto'
import { DynamoDBClient, ScanCommand } from '@aws-sdk/client-dynamodb'
import type { FetchHandler } from '../../src/http/fetch-handler.ts'
import { listen } from '../../src/http/node-server.ts'
import { startLocalDynamo } from '../../src/local/dynamodb/start.ts'
import {
  createAuthorizationService,
  maxBodyBytes,
  type AuthorizationService,
  type AuthorizationServiceOptions,
} from '../../src/oauth/service.ts'
import { openDynamoTable } from '../../src/state/dynamodb.ts'
import type { Table } from '../../src/state/table.ts'
import { Browser, type Page } from '../support/browser.ts'
import { startUpstream, type TestUpstream } from '../support/upstream.ts'
import { logged } from '../support/log-capture.ts'

export const resource = 'https://mcp.example.com/mcp'
export const callback = 'http://127.0.0.1:7777/callback'
export const read = 'tools/read'
export const write = 'tools/write'

export interface TestService {
  issuer: string
  service: AuthorizationService
  upstream: TestUpstream
  table: Table
  logs: string[]
  secret: string
  /** Everything in the table, as text. */
  scan(): Promise<string>
  close(): Promise<void>
}

export async function startService(extra: Partial<AuthorizationServiceOptions> = {}): Promise<TestService> {
  const dynamo = await startLocalDynamo('us-east-1')
  Object.assign(process.env, dynamo.env)
  const table = await openDynamoTable({ tableName: dynamo.tableName, ...(extra.now ? { now: extra.now } : {}) })
  const upstream = await startUpstream()
  let handler: FetchHandler = async () => new Response('not yet', { status: 503 })
  const server = await listen((request, context) => handler(request, context), {
    maxBodyBytes,
    tooLarge: { error: 'invalid_request' },
    requestTimeoutMs: 1000,
    context: (_request, socket) => ({ requestId: 'test', principal: { kind: 'anonymous', id: '' }, ...socket }),
  })
  const logs: string[] = []
  const published = Promise.withResolvers<void>()
  const secret = randomBytes(32).toString('base64url')
  const service = await createAuthorizationService({
    issuer: server.url,
    resources: [
      {
        resource,
        name: 'tools',
        scopes: {
          read: { description: 'See costs and resources', groups: ['readers'] },
          write: { description: 'Change tags', groups: ['writers'] },
          ping: { description: 'Ask whether it is there' },
        },
      },
      { resource: 'https://other.example.com/mcp', name: 'other', scopes: { use: { description: 'Use it' } } },
    ],
    baseScopes: ['read'],
    upstream,
    table,
    secret,
    trustedHops: 1,
    log: (entry) => {
      logs.push(logged(JSON.stringify(entry)))
      if (entry.event === 'keys.published') published.resolve()
    },
    ...extra,
  })
  handler = service.fetch
  await published.promise
  return {
    issuer: server.url,
    service,
    upstream,
    table,
    logs,
    secret,
    async scan() {
      const client = new DynamoDBClient({})
      const { Items = [] } = await client.send(new ScanCommand({ TableName: dynamo.tableName }))
      client.destroy()
      return JSON.stringify(Items)
    },
    async close() {
      await server.close()
      await service.close()
      await table.close()
      await upstream.close()
      await dynamo.close()
    },
  }
}

export interface Answer {
  status: number
  body: Record<string, unknown>
  headers: Headers
}

export async function post(
  url: string,
  form: Record<string, string> | URLSearchParams,
  headers: Record<string, string> = {},
): Promise<Answer> {
  return answerOf(await fetch(url, { method: 'POST', body: new URLSearchParams(form), headers }))
}

export async function postJson(url: string, body: unknown, headers: Record<string, string> = {}): Promise<Answer> {
  const json = { 'content-type': 'application/json', ...headers }
  return answerOf(await fetch(url, { method: 'POST', body: JSON.stringify(body), headers: json }))
}

async function answerOf(response: Response): Promise<Answer> {
  const text = await response.text()
  const body = text.startsWith('{') ? (JSON.parse(text) as Record<string, unknown>) : { text }
  return { status: response.status, body, headers: response.headers }
}

let addresses = 0

/** Registers from an address of its own, so that the limit is not met by chance. */
export async function register(issuer: string, metadata: Record<string, unknown> = {}): Promise<string> {
  const { status, body } = await postJson(
    `${issuer}/register`,
    { client_name: 'Test client', redirect_uris: [callback], ...metadata },
    { 'x-forwarded-for': `198.51.100.${addresses++}` },
  )
  if (status !== 201) throw new Error(`registration: ${status} ${JSON.stringify(body)}`)
  return String(body.client_id)
}

export interface Flow {
  url: string
  verifier: string
  state: string
}

export function authorization(issuer: string, clientId: string, extra: Record<string, string> = {}): Flow {
  const verifier = randomBytes(32).toString('base64url')
  const state = randomBytes(8).toString('hex')
  const url = new URL('/authorize', issuer)
  const parameters = {
    response_type: 'code',
    client_id: clientId,
    redirect_uri: callback,
    code_challenge: createHash('sha256').update(verifier).digest('base64url'),
    code_challenge_method: 'S256',
    state,
    resource,
    scope: read,
    ...extra,
  }
  for (const [name, value] of Object.entries(parameters)) if (value !== '') url.searchParams.set(name, value)
  return { url: url.href, verifier, state }
}

/** Goes from the client's link to the consent page, signing in on the way if it is asked to. */
export async function toConsent(browser: Browser, url: string, username: string): Promise<Page> {
  const page = await browser.open(url)
  return page.url.includes('/oauth2/authorize') ? browser.submit(page, { username }) : page
}

/** Goes all the way to the client's callback, and gives what arrives there. */
export async function signIn(
  browser: Browser,
  url: string,
  username: string,
  decision = 'allow',
): Promise<URLSearchParams> {
  const page = await toConsent(browser, url, username)
  const end = page.status === 0 ? page : await browser.submit(page, { decision })
  if (end.status !== 0) throw new Error(`${end.status} at ${end.url}: ${end.text.replace(/<[^>]+>/g, ' ')}`)
  return new URL(end.url).searchParams
}

export function redeem(issuer: string, clientId: string, code: string, verifier: string, extra = {}): Promise<Answer> {
  return post(`${issuer}/token`, {
    grant_type: 'authorization_code',
    client_id: clientId,
    code,
    code_verifier: verifier,
    redirect_uri: callback,
    ...extra,
  })
}

export function refresh(issuer: string, clientId: string, token: string, extra = {}): Promise<Answer> {
  return post(`${issuer}/token`, { grant_type: 'refresh_token', client_id: clientId, refresh_token: token, ...extra })
}

export interface Tokens {
  access_token: string
  refresh_token: string
  scope: string
  token_type: string
}

/** A whole sign-in, from the link to the tokens. */
export async function tokensFor(
  issuer: string,
  clientId: string,
  username: string,
  extra: Record<string, string> = {},
): Promise<Tokens> {
  const flow = authorization(issuer, clientId, extra)
  const came = await signIn(new Browser(), flow.url, username)
  const { status, body } = await redeem(issuer, clientId, came.get('code') ?? '', flow.verifier)
  if (status !== 200) throw new Error(`token: ${status} ${JSON.stringify(body)} ${came.toString()}`)
  return body as unknown as Tokens
}
