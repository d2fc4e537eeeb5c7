import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { readAuthorization } from '../../../../src/auth/sigv4/presented.ts'
import { canonicalHeaders } from '../../../../src/auth/sigv4/canonical.ts'
import { verify } from '../../../../src/auth/sigv4/verify.ts'
import { faultsOf, operationsOf, type Operation } from './model.ts'
import { escaped, fromJson, fromQuery, fromRest, restOperation, toJson, toQueryXml } from './protocols.ts'

/** An answer of AWS that is no. */
export class AwsError extends Error {
  readonly code: string
  readonly status: number

  constructor(code: string, message: string, status = 400) {
    super(message)
    this.code = code
    this.status = status
  }
}

export interface Identity {
  accessKeyId: string
  secretAccessKey: string
  sessionToken?: string
  account: string
  arn: string
}

export interface Call {
  service: string
  operation: string
  input: Record<string, unknown>
  identity: Identity
  region: string
}

export type Answers = Record<string, (call: Call) => Record<string, unknown> | Promise<Record<string, unknown>>>

export interface Service {
  client: string
  protocol: 'query' | 'json' | 'rest'
  /** Of the `query` protocol's answers. */
  namespace?: string
  answers: Answers
}

export interface RawService {
  /** A protocol of its own: S3. */
  raw(request: RawRequest): { status: number; headers?: Record<string, string>; body: string | Uint8Array }
}

export interface RawRequest {
  method: string
  path: string
  query: URLSearchParams
  headers: IncomingMessage['headers']
  body: Buffer
}

export interface Faults {
  /** How many more calls of `service.Operation` are answered with `Rate exceeded`. */
  throttled: Map<string, number>
  /** How many more calls of `service.Operation` end without an answer. */
  dropped: Map<string, number>
  /** Of `service.Operation`: refused as a policy refuses. */
  denied: Set<string>
  /** Set: every key has ended. */
  expired: boolean
  /** How many concurrent executions of Lambda are not reserved. */
  unreserved: number
  /** Quotas that are lower than AWS's, by code. */
  quotas: Map<string, number>
  /** How many of a type there are that no stack of ours has. */
  others: Map<string, number>
  /** A call of `service.Operation` that is told of, and never answered. */
  waiting?: { key: string; reached(): void }
}

export interface Wire {
  url: string
  /** Every operation, in the order in which it was asked for. */
  log: Call[]
  /** What a request or one of our answers has that AWS's model has not, or lacks. Empty when all is well. */
  faults: string[]
  close(): Promise<void>
}

/** Serves AWS's services on one port. The signature says which service is meant, and is verified. */
export async function serve(options: {
  services: Record<string, Service | RawService>
  identities: Map<string, Identity>
  switches: Faults
  heard(call: Call): void
}): Promise<Wire> {
  const wire: Pick<Wire, 'log' | 'faults'> = { log: [], faults: [] }
  const models = new Map<string, Map<string, Operation>>()
  const modelOf = (client: string) => {
    const found = models.get(client) ?? operationsOf(client)
    models.set(client, found)
    return found
  }

  const server = createServer((req, res) => {
    const chunks: Buffer[] = []
    req.on('data', (chunk: Buffer) => chunks.push(chunk))
    req.on('end', () => void answer(req, res, Buffer.concat(chunks)))
  })

  async function answer(req: IncomingMessage, res: ServerResponse, body: Buffer): Promise<void> {
    const url = new URL(req.url ?? '/', 'http://fake')
    const scope = scopeOf(req)
    const service = options.services[scope.service]
    try {
      if (!service) throw new AwsError('UnknownService', `There is no ${scope.service} here`, 404)
      const identity = identityOf(req, body, scope)
      if ('raw' in service) {
        if (options.switches.expired) throw new AwsError('ExpiredToken', 'The provided token has expired.')
        const { status, headers, body: said } = service.raw({ method: req.method!, path: url.pathname, query: url.searchParams, headers: req.headers, body }) // prettier-ignore
        return void res.writeHead(status, headers).end(said)
      }
      const [operation, input] = read(service, req, url, body)
      const call: Call = { service: scope.service, operation: operation.name, input, identity, region: scope.region }
      wire.log.push(call)
      const wrong = faultsOf(input, operation.input, `${operation.name} asked with`)
      wire.faults.push(...wrong)
      const key = `${scope.service}.${operation.name}`
      if (options.switches.waiting?.key === key) return options.switches.waiting.reached()
      if (taken(options.switches.dropped, key)) return void req.socket.destroy()
      if (options.switches.expired) throw new AwsError(service.protocol === 'query' ? 'ExpiredToken' : 'ExpiredTokenException', 'The security token included in the request is expired', 403) // prettier-ignore
      if (taken(options.switches.throttled, key)) throw new AwsError(service.protocol === 'query' ? 'Throttling' : 'ThrottlingException', 'Rate exceeded') // prettier-ignore
      if (options.switches.denied.has(key)) throw new AwsError(service.protocol === 'query' ? 'AccessDenied' : 'AccessDeniedException', `User: ${identity.arn} is not authorized to perform: ${scope.service}:${operation.name} because no identity-based policy allows the ${scope.service}:${operation.name} action`, 403) // prettier-ignore
      if (wrong.length > 0) throw new AwsError('ValidationError', wrong.join('; '))
      const how = service.answers[operation.name]
      if (!how) throw new AwsError('UnknownOperation', `${key} is not answered here`, 404)
      const output = await how(call)
      options.heard(call)
      wire.faults.push(...faultsOf(output, operation.output, `${operation.name} answered with`))
      write(res, service, operation, output)
    } catch (error) {
      if (!(error instanceof AwsError)) wire.faults.push(String((error as Error).stack))
      refuse(res, service, error instanceof AwsError ? error : new AwsError('InternalFailure', String(error), 400))
    }
  }

  function identityOf(req: IncomingMessage, body: Buffer, scope: Scope): Identity {
    const identity = options.identities.get(scope.accessKeyId)
    if (!identity)
      throw new AwsError('InvalidClientTokenId', 'The security token included in the request is invalid.', 403)
    // S3 takes bodies whose hash is not signed, and encodes its paths once; both are S3's alone.
    if (scope.service === 's3') return identity
    const verified = verify(
      { method: req.method!, target: req.url!, rawHeaders: req.rawHeaders, body },
      { service: scope.service, region: scope.region, lookup: (id) => options.identities.get(id) },
    )
    if (!verified.ok) throw new AwsError('SignatureDoesNotMatch', `${verified.reason}: ${verified.why}`, 403)
    return identity
  }

  function read(service: Service, req: IncomingMessage, url: URL, body: Buffer): [Operation, Record<string, unknown>] {
    const operations = modelOf(service.client)
    const text = body.toString('utf8')
    if (service.protocol === 'rest') {
      const found = restOperation(operations.values(), req.method!, url.pathname)
      if (!found) throw new AwsError('UnknownOperationException', `${req.method} ${url.pathname}`, 404)
      return [found, fromRest(found, url.pathname, url.searchParams, text)]
    }
    const form = new URLSearchParams(service.protocol === 'query' ? text : '')
    const name =
      service.protocol === 'query' ? form.get('Action') : String(req.headers['x-amz-target']).split('.').at(-1)
    const found = operations.get(String(name))
    if (!found) throw new AwsError('InvalidAction', `Could not find operation ${name}`)
    return [found, service.protocol === 'query' ? fromQuery(form, found.input) : fromJson(text, found.input)]
  }

  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    ...wire,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

interface Scope {
  accessKeyId: string
  region: string
  service: string
}

function scopeOf(req: IncomingMessage): Scope {
  const presented = readAuthorization(req.rawHeaders, canonicalHeaders(req.rawHeaders), [])
  if ('reason' in presented) return { accessKeyId: '', region: '', service: '' }
  const [, region, service] = presented.scope as [string, string, string]
  return { accessKeyId: presented.accessKeyId, region, service }
}

function taken(counts: Map<string, number>, key: string): boolean {
  const left = counts.get(key) ?? 0
  if (left > 0) counts.set(key, left - 1)
  return left > 0
}

function write(res: ServerResponse, service: Service, operation: Operation, output: Record<string, unknown>): void {
  if (service.protocol === 'query')
    return void res
      .writeHead(200, { 'content-type': 'text/xml' })
      .end(toQueryXml(operation, output, service.namespace!))
  const status = operation.http?.[2] ?? 200
  const type = service.protocol === 'json' ? 'application/x-amz-json-1.1' : 'application/json'
  res.writeHead(status, { 'content-type': type }).end(status === 204 ? '' : toJson(output, operation.output))
}

function refuse(res: ServerResponse, service: Service | RawService | undefined, error: AwsError): void {
  const { code, message, status } = error
  if (service && !('raw' in service) && service.protocol !== 'query')
    return void res
      .writeHead(status, { 'content-type': 'application/json', 'x-amzn-errortype': code })
      .end(JSON.stringify({ __type: code, message, Message: message }))
  const inside = `<Code>${code}</Code><Message>${escaped(message)}</Message>`
  const text =
    service && 'raw' in service
      ? `<Error>${inside}</Error>`
      : `<ErrorResponse><Error><Type>Sender</Type>${inside}</Error><RequestId>0</RequestId></ErrorResponse>`
  res.writeHead(status, { 'content-type': 'text/xml' }).end(text)
}
