import { randomBytes, timingSafeEqual } from 'node:crypto'
import { FairleadError } from '../errors.ts'
import { listen, type Listening } from '../http/node-server.ts'

/** What the control API can see and do of a running stack. */
export interface Controlled {
  status(): unknown
  /** The requests that are kept, newest last. */
  requests(): unknown[]
  /** Writes what waits to be written of them: `fairlead explain` reads the file. */
  flush(): Promise<void>
  restart(): Promise<void>
  /** What is broken on purpose. `set` throws FAULT_UNKNOWN. */
  faults: { list(): unknown[]; set(name: string, on: boolean): void }
}

export interface Control {
  url: string
  token: string
  close(): Promise<void>
}

/**
 * Serves the control API of the local stack: GET /api/status, GET /api/requests, POST /api/requests/flush, POST /api/restart,
 * GET /api/faults, POST /api/faults. JSON.
 * It is guarded by a token made afresh each time, and refuses a Host or Origin that is not its own, so that a web
 * page cannot reach it by rebinding a name.
 */
export async function startControl(controlled: Controlled, port: number): Promise<Control> {
  const token = randomBytes(24).toString('base64url')
  const server: Listening = await listen(
    async (request) => {
      const own = new URL(server.url).host
      if (request.headers.get('host') !== own) return answer(403, { error: 'This Host is not served here.' })
      const origin = request.headers.get('origin')
      if (origin !== null && origin !== server.url) return answer(403, { error: 'This Origin is not allowed.' })
      if (!bearerIs(request.headers.get('authorization'), token))
        return answer(401, { error: 'The token is in .fairlead/local.json.' })
      return route(request, controlled)
    },
    { port, maxBodyBytes: 64 * 1024 },
  )
  return { url: server.url, token, close: () => server.close() }
}

async function route(request: Request, controlled: Controlled): Promise<Response> {
  const { pathname } = new URL(request.url)
  if (request.method === 'GET' && pathname === '/api/status') return answer(200, controlled.status())
  if (request.method === 'GET' && pathname === '/api/requests') return answer(200, { requests: controlled.requests() })
  if (request.method === 'POST' && pathname === '/api/requests/flush') {
    await controlled.flush()
    return answer(200, { flushed: true })
  }
  if (request.method === 'POST' && pathname === '/api/restart') {
    await controlled.restart()
    return answer(200, { restarted: true })
  }
  if (request.method === 'GET' && pathname === '/api/faults') return answer(200, { faults: controlled.faults.list() })
  if (request.method === 'POST' && pathname === '/api/faults') return setFault(request, controlled)
  return answer(404, {
    error: 'There is GET /api/status, GET and POST /api/faults, GET /api/requests and POST /api/restart.',
  })
}

/** `{"name": "cold-start", "on": true}` */
async function setFault(request: Request, { faults }: Controlled): Promise<Response> {
  try {
    const { name, on } = (await request.json()) as { name?: unknown; on?: unknown }
    if (typeof name !== 'string' || typeof on !== 'boolean')
      return answer(400, { error: 'Send {"name": "cold-start", "on": true}.' })
    faults.set(name, on)
    return answer(200, { faults: faults.list() })
  } catch (error) {
    return answer(400, { error: error instanceof FairleadError ? error.message : 'The body is not JSON.' })
  }
}

function bearerIs(header: string | null, token: string): boolean {
  const given = Buffer.from(header ?? '')
  const wanted = Buffer.from(`Bearer ${token}`)
  return given.length === wanted.length && timingSafeEqual(given, wanted)
}

function answer(status: number, body: unknown): Response {
  return new Response(JSON.stringify(body), {
    status,
    headers: { 'content-type': 'application/json', 'cache-control': 'no-store' },
  })
}
