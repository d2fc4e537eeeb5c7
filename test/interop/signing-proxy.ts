import { createServer, request, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Credentials } from '../../src/auth/sigv4/credentials.ts'
import { sign } from '../../src/auth/sigv4/sign.ts'

interface Passed {
  method: string
  target: string
  rawHeaders: string[]
  body: Buffer
}

/** Gives the headers that prove who calls. */
type Prove = (request: Passed) => Record<string, string>

/** Signs what a program sends that cannot sign, and keeps the rest as it is, Host and Origin too. */
export function signingProxy(target: string, credentials: Credentials) {
  return provingProxy(target, (request) => sign(request, credentials, { service: 'lambda', region: 'us-east-1' }))
}

/** Adds a token to what a program sends that has none, and keeps the rest as it is. */
export function bearerProxy(target: string, token: string) {
  return provingProxy(target, () => ({ authorization: `Bearer ${token}` }))
}

async function provingProxy(target: string, prove: Prove): Promise<{ url: string; close(): Promise<void> }> {
  const { hostname, port } = new URL(target)
  const server = createServer((req, res) => void pass(req, res, { hostname, port, prove }))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

async function pass(
  req: IncomingMessage,
  res: ServerResponse,
  to: { hostname: string; port: string; prove: Prove },
): Promise<void> {
  const chunks: Buffer[] = []
  for await (const chunk of req) chunks.push(chunk as Buffer)
  const body = Buffer.concat(chunks)
  const [method, target] = [req.method ?? 'GET', req.url ?? '/']
  const proof = to.prove({ method, target, rawHeaders: req.rawHeaders, body })
  const call = request(
    { host: to.hostname, port: to.port, method, path: target, headers: { ...req.headers, ...proof } },
    (answer) => {
      res.writeHead(answer.statusCode ?? 502, answer.headers)
      answer.pipe(res)
    },
  )
  call.on('error', () => res.destroy())
  res.on('close', () => call.destroy())
  call.end(body)
}
