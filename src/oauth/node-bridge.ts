import { IncomingMessage, ServerResponse, type RequestListener } from 'node:http'
import { Duplex } from 'node:stream'
import type { Socket } from 'node:net'

/** What a request is said to be, whatever it says itself. */
export interface Pinned {
  host: string
  secure: boolean
}

/** Headers by which a request, or a proxy, could say otherwise. */
const untold = /^(?:host|forwarded|x-forwarded-.*|x-real-ip|content-length|transfer-encoding|connection|expect)$/

/**
 * Calls a Node request listener with a Request whose body has been read, and gives what it answered. There is no socket:
 * host and scheme are the pinned ones, and nothing in the request can change them.
 */
export async function callNode(
  listener: RequestListener,
  request: Request,
  bytes: Uint8Array,
  pinned: Pinned,
): Promise<Response> {
  const socket = new Duplex({ read() {}, write: (_chunk, _encoding, done) => done() })
  Object.assign(socket, { encrypted: pinned.secure, remoteAddress: '0.0.0.0' })
  const req = new IncomingMessage(socket as Socket)
  const url = new URL(request.url)
  Object.assign(req, { method: request.method, url: url.pathname + url.search, httpVersion: '1.1' })
  for (const [name, value] of request.headers) if (!untold.test(name)) req.headers[name] = value
  req.headers.host = pinned.host
  if (bytes.byteLength > 0) {
    req.headers['content-length'] = String(bytes.byteLength)
    req.push(bytes)
  }
  req.push(null)
  req.complete = true

  const res = new ServerResponse(req)
  const chunks: Buffer[] = []
  const keep = (chunk: unknown, encoding: unknown) => {
    if (typeof chunk === 'string') chunks.push(Buffer.from(chunk, (encoding as BufferEncoding) || 'utf8'))
    else if (chunk instanceof Uint8Array) chunks.push(Buffer.from(chunk))
  }
  return new Promise<Response>((resolve) => {
    Object.assign(res, {
      write(chunk: unknown, encoding: unknown) {
        keep(chunk, encoding)
        return true
      },
      end(chunk: unknown, encoding: unknown) {
        keep(chunk, encoding)
        resolve(responseOf(res, chunks))
        res.emit('finish')
        res.emit('close')
        return res
      },
    })
    listener(req, res)
  })
}

function responseOf(res: ServerResponse, chunks: Buffer[]): Response {
  const headers = new Headers()
  for (const [name, value] of Object.entries(res.getHeaders()))
    for (const one of [value].flat()) if (one !== undefined) headers.append(name, String(one))
  const body = Buffer.concat(chunks)
  const bodiless = res.statusCode === 204 || res.statusCode === 304
  return new Response(bodiless ? null : body.toString('utf8'), { status: res.statusCode, headers })
}
