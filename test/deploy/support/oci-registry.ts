import { createHash, randomUUID } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** What goes wrong, for a request that matches; each once unless `times` says otherwise. */
export interface RegistryFault {
  /** `PUT blob`, `PATCH blob`, `GET blob`, `PUT manifest`, …, and `GET token`, which breaks off. */
  at: string
  /** Ends the connection after so many bytes of the body, or of the answer. */
  dropAfter?: number
  status?: number
  headers?: Record<string, string>
  times?: number
}

export interface OciRegistryOptions {
  /** Bearer: a token service beside it, whose tokens are good for one request only when `tokenUses` says so. Basic: as ECR. */
  auth?: { kind: 'bearer' | 'basic'; username: string; password: string; tokenUses?: number; anonymousPull?: boolean }
  /** As ECR: pieces are answered with 201 and a Range that stands still, and an upload has no status. */
  likeEcr?: boolean
  chunkMinLength?: number
  noMount?: boolean
  /** GET of a blob leads elsewhere, as to S3. */
  redirectBlobsTo?: string
  /** Answers with other bytes than those of the digest. */
  corrupt?: Set<string>
  wrongDigestHeader?: boolean
}

export interface OciRegistry {
  host: string
  blobs: Map<string, Buffer>
  /** `repository@digest` */
  links: Set<string>
  /** `repository:tag` and `repository@digest` */
  manifests: Map<string, { type: string; bytes: Buffer }>
  faults: RegistryFault[]
  /** `PUT /v2/…`, as they came. */
  requests: string[]
  authorizations: (string | undefined)[]
  /** Of blobs, sent to it. */
  received: number
  addBlob(repository: string, bytes: Buffer): string
  close(): Promise<void>
}

const digestOf = (bytes: Buffer) => `sha256:${createHash('sha256').update(bytes).digest('hex')}`

/**
 * A registry by the distribution specification, in this process: it checks digests, offsets and what a manifest names.
 * @see https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md
 */
export async function startOciRegistry(options: OciRegistryOptions = {}): Promise<OciRegistry> {
  const uploads = new Map<string, Buffer[]>()
  const tokens = new Map<string, { scope: string; uses: number }>()
  const state: OciRegistry = {
    host: '',
    blobs: new Map(),
    links: new Set(),
    manifests: new Map(),
    faults: [],
    requests: [],
    authorizations: [],
    received: 0,
    addBlob(repository, bytes) {
      const digest = digestOf(bytes)
      state.blobs.set(digest, bytes)
      state.links.add(`${repository}@${digest}`)
      return digest
    },
    close: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
  const server = createServer((req, res) => void answer(req, res).catch(() => res.destroy()))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  state.host = `127.0.0.1:${(server.address() as AddressInfo).port}`
  return state

  async function answer(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const url = new URL(req.url!, `http://${state.host}`)
    state.requests.push(`${req.method} ${req.url}`)
    state.authorizations.push(req.headers.authorization)
    if (url.pathname === '/token') return token(url, req, res)
    const [, repository = '', kind = '', rest = ''] =
      /^\/v2\/(.+?)\/(blobs\/uploads|blobs|manifests)\/(.*)$/.exec(url.pathname) ?? []
    if (repository === '') return fail(res, url.pathname === '/v2/' ? 200 : 404, 'UNSUPPORTED')
    const write = req.method !== 'GET' && req.method !== 'HEAD'
    if (!allowed(req, repository, write)) return challenge(res, repository, write)
    const what = `${req.method} ${kind === 'manifests' ? 'manifest' : 'blob'}`
    const fault = state.faults.find(({ at, times = 1 }) => at === what && times > 0)
    if (fault) fault.times = (fault.times ?? 1) - 1
    if (fault?.status !== undefined) {
      res.writeHead(fault.status, { 'content-type': 'application/json', ...fault.headers })
      return void res.end(JSON.stringify({ errors: [{ code: 'FAULT', message: 'on purpose' }] }))
    }
    if (kind === 'blobs/uploads') return upload(req, res, url, repository, rest, fault?.dropAfter)
    if (kind === 'blobs') return blob(req, res, repository, rest, fault?.dropAfter)
    return manifest(req, res, repository, rest)
  }

  function token(url: URL, req: IncomingMessage, res: ServerResponse): void {
    const scope = url.searchParams.get('scope') ?? ''
    const basic = `Basic ${Buffer.from(`${options.auth!.username}:${options.auth!.password}`).toString('base64')}`
    const anonymous = options.auth!.anonymousPull && scope.endsWith(':pull')
    if (!anonymous && req.headers.authorization !== basic) return fail(res, 401, 'UNAUTHORIZED')
    const fault = state.faults.find(({ at, times = 1 }) => at === 'GET token' && times > 0)
    if (fault) {
      fault.times = (fault.times ?? 1) - 1
      res.writeHead(200, { 'content-type': 'application/json', 'content-length': 100 })
      return void res.write('{"token":', () => res.destroy())
    }
    const value = randomUUID()
    tokens.set(value, { scope, uses: options.auth!.tokenUses ?? Number.POSITIVE_INFINITY })
    res.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ token: value, expires_in: 60 }))
  }

  function allowed(req: IncomingMessage, repository: string, write: boolean): boolean {
    const { auth } = options
    const given = req.headers.authorization
    if (!auth) return true
    if (auth.kind === 'basic')
      return given === `Basic ${Buffer.from(`${auth.username}:${auth.password}`).toString('base64')}`
    const known = tokens.get(given?.replace(/^Bearer /, '') ?? '')
    if (!known || known.uses <= 0 || known.scope !== scopeOf(repository, write)) return false
    known.uses--
    return true
  }

  function scopeOf(repository: string, write: boolean): string {
    return `repository:${repository}:${write ? 'pull,push' : 'pull'}`
  }

  function challenge(res: ServerResponse, repository: string, write: boolean): void {
    const bearer = `Bearer realm="http://${state.host}/token",service="registry",scope="${scopeOf(repository, write)}"`
    res.setHeader('www-authenticate', options.auth!.kind === 'basic' ? 'Basic realm="r",service="ecr"' : bearer)
    fail(res, 401, 'UNAUTHORIZED')
  }

  async function upload(
    req: IncomingMessage,
    res: ServerResponse,
    url: URL,
    repository: string,
    id: string,
    dropAfter: number | undefined,
  ): Promise<void> {
    const location = (key: string) => `/v2/${repository}/blobs/uploads/${key}?_state=a%2Bb`
    if (req.method === 'POST') {
      const [mount, from] = [url.searchParams.get('mount'), url.searchParams.get('from')]
      if (mount && from && !options.noMount && state.links.has(`${from}@${mount}`)) {
        state.links.add(`${repository}@${mount}`)
        return void res.writeHead(201, { location: `/v2/${repository}/blobs/${mount}` }).end()
      }
      const key = randomUUID()
      uploads.set(key, [])
      const smallest = options.chunkMinLength ? { 'oci-chunk-min-length': String(options.chunkMinLength) } : {}
      return void res.writeHead(202, { location: location(key), range: '0-0', ...smallest }).end()
    }
    const parts = uploads.get(id)
    if (!parts || (options.likeEcr && req.method === 'GET')) return fail(res, 404, 'BLOB_UPLOAD_UNKNOWN')
    const has = () => parts.reduce((sum, { length }) => sum + length, 0)
    if (req.method === 'GET')
      return void res.writeHead(204, { location: location(id), range: `0-${Math.max(has() - 1, 0)}` }).end()
    const range = /^(\d+)-(\d+)$/.exec(req.headers['content-range'] ?? '')
    if (range && Number(range[1]) !== has()) return fail(res, 416, 'RANGE_INVALID')
    let length = 0
    for await (const chunk of req as AsyncIterable<Buffer>) {
      const piece = dropAfter === undefined ? chunk : chunk.subarray(0, Math.max(dropAfter - length, 0))
      length += piece.length
      state.received += piece.length
      parts.push(piece)
      if (dropAfter !== undefined && length >= dropAfter) return void req.socket.destroy()
    }
    if (Number(req.headers['content-length']) !== length) return fail(res, 400, 'SIZE_INVALID')
    if (req.method === 'PATCH') {
      const said = options.likeEcr ? '0-0' : `0-${has() - 1}`
      return void res.writeHead(options.likeEcr ? 201 : 202, { location: location(id), range: said }).end()
    }
    const [digest, bytes] = [url.searchParams.get('digest') ?? '', Buffer.concat(parts)]
    if (digestOf(bytes) !== digest) return fail(res, 400, 'DIGEST_INVALID')
    uploads.delete(id)
    state.addBlob(repository, bytes)
    res.writeHead(201, { location: `/v2/${repository}/blobs/${digest}`, 'docker-content-digest': digest }).end()
  }

  function blob(
    req: IncomingMessage,
    res: ServerResponse,
    repository: string,
    digest: string,
    dropAfter: number | undefined,
  ): void {
    const whole = state.links.has(`${repository}@${digest}`) ? state.blobs.get(digest) : undefined
    if (!whole) return fail(res, 404, 'BLOB_UNKNOWN')
    if (req.method === 'GET' && options.redirectBlobsTo)
      return void res.writeHead(307, { location: `${options.redirectBlobsTo}/${digest}` }).end()
    const from = Number(/^bytes=(\d+)-$/.exec(req.headers.range ?? '')?.[1] ?? 0)
    const bytes = options.corrupt?.has(digest) ? Buffer.alloc(whole.length, 7) : whole
    const rest = bytes.subarray(from)
    res.writeHead(from > 0 ? 206 : 200, { 'content-length': rest.length, 'docker-content-digest': digest })
    if (req.method === 'HEAD') return void res.end()
    if (dropAfter === undefined) return void res.end(rest)
    res.write(rest.subarray(0, dropAfter), () => res.destroy())
  }

  async function manifest(
    req: IncomingMessage,
    res: ServerResponse,
    repository: string,
    reference: string,
  ): Promise<void> {
    const key = reference.startsWith('sha256:') ? `${repository}@${reference}` : `${repository}:${reference}`
    if (req.method !== 'PUT') {
      const found = state.manifests.get(key)
      if (!found) return fail(res, 404, 'MANIFEST_UNKNOWN')
      const bytes = options.corrupt?.has(reference) ? Buffer.from('{}') : found.bytes
      res.writeHead(200, {
        'content-type': found.type,
        'content-length': bytes.length,
        'docker-content-digest': digestOf(found.bytes),
      })
      return void res.end(req.method === 'HEAD' ? undefined : bytes)
    }
    const chunks: Buffer[] = []
    for await (const chunk of req as AsyncIterable<Buffer>) chunks.push(chunk)
    const bytes = Buffer.concat(chunks)
    const { config, layers } = JSON.parse(bytes.toString()) as {
      config: { digest: string }
      layers: { digest: string; size: number }[]
    }
    const missing = [config, ...layers].filter((each) => !state.links.has(`${repository}@${each.digest}`))
    if (missing.length > 0) return fail(res, 404, 'MANIFEST_BLOB_UNKNOWN')
    const digest = digestOf(bytes)
    for (const name of [key, `${repository}@${digest}`])
      state.manifests.set(name, { type: req.headers['content-type'] ?? '', bytes })
    const said = options.wrongDigestHeader ? digestOf(Buffer.from('another')) : digest
    res.writeHead(201, { location: `/v2/${repository}/manifests/${digest}`, 'docker-content-digest': said }).end()
  }

  function fail(res: ServerResponse, status: number, code: string): void {
    res
      .writeHead(status, { 'content-type': 'application/json' })
      .end(JSON.stringify({ errors: [{ code, message: code }] }))
  }
}
