import { readFileSync } from 'node:fs'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'

export interface MetadataHost {
  /** `https://localhost:PORT` */
  origin: string
  /** Paths that were asked for. */
  requests: string[]
  /** What a path answers: a document, or more exactly a status, headers and a body. */
  documents: Map<string, Hosted>
  /** TCP connections, whether or not a request came over them. */
  connections: number
  close(): Promise<void>
}

export interface Hosted {
  status?: number
  headers?: Record<string, string>
  body: string
  /** Never answers. */
  hangs?: boolean
}

const file = (name: string) => readFileSync(new URL(`../fixtures/tls/${name}`, import.meta.url))

/** Starts an HTTPS server on loopback, with a certificate that nobody signed, for client ID metadata documents. */
export async function startMetadataHost(): Promise<MetadataHost> {
  const host: MetadataHost = { origin: '', requests: [], documents: new Map(), connections: 0, close }
  const server = createServer({ key: file('localhost.key'), cert: file('localhost.crt') }, (req, res) => {
    host.requests.push(req.url!)
    const found = host.documents.get(req.url!)
    if (found?.hangs) return
    res.writeHead(found?.status ?? (found ? 200 : 404), { 'content-type': 'application/json', ...found?.headers })
    res.end(found?.body ?? '{}')
  })
  server.on('connection', () => host.connections++)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  host.origin = `https://localhost:${(server.address() as AddressInfo).port}`
  async function close(): Promise<void> {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  }
  return host
}
