import { createServer, request, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { startLoadBalancer, type Exchange, type LoadBalancerOptions } from '../../../src/local/fargate/load-balancer.ts'
import { Target } from '../../../src/local/fargate/target.ts'

const closers: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close()
})

const check = { path: '/healthz', intervalMs: 20, healthyCount: 2, unhealthyCount: 2 }

async function backend(handler: Parameters<typeof createServer>[1]): Promise<{ target: Target; server: Server }> {
  const server = createServer(handler as never)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  closers.push(async () => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  })
  const target = new Target((server.address() as AddressInfo).port, check)
  closers.push(() => target.deregister(0))
  return { target, server }
}

async function balancer(targets: readonly Target[], options: Partial<LoadBalancerOptions> = {}): Promise<string> {
  const started = await startLoadBalancer({ port: 0, targets: () => targets, ...options })
  closers.push(() => started.close())
  return started.url
}

const named = (name: string) =>
  backend((req, res) => {
    if (req.url === '/healthz') return void res.end('ok')
    let body = ''
    req.on('data', (chunk: Buffer) => (body += chunk.toString()))
    req.on('end', () => res.end(JSON.stringify({ name, body, headers: req.headers, url: req.url })))
  })

async function both(): Promise<[Target, Target]> {
  const [a, b] = [await named('a'), await named('b')]
  await Promise.all([a.target.register(), b.target.register()])
  return [a.target, b.target]
}

interface Seen {
  name: string
  body: string
  headers: Record<string, string>
  url: string
}

describe('the load balancer', () => {
  it('takes turns, keeps the Host, the path and the body, and says where a request came from', async () => {
    const url = await balancer(await both())
    const seen = await Promise.all(
      [1, 2, 3, 4].map(async (n) => {
        const response = await fetch(`${url}/mcp?a=%2F+b`, {
          method: 'POST',
          body: `body ${n}`,
          headers: { 'x-forwarded-for': '203.0.113.9' },
        })
        return (await response.json()) as Seen
      }),
    )
    expect(seen.map(({ name }) => name).toSorted()).toEqual(['a', 'a', 'b', 'b'])
    expect(seen.map(({ body }) => body)).toEqual(['body 1', 'body 2', 'body 3', 'body 4'])
    expect(seen[0]!.url).toBe('/mcp?a=%2F+b')
    expect(seen[0]!.headers).toMatchObject({
      host: new URL(url).host,
      'x-forwarded-for': '203.0.113.9, 127.0.0.1',
      'x-forwarded-proto': 'http',
      'x-forwarded-port': new URL(url).port,
    })
    expect(seen[0]!.headers['x-amzn-trace-id']).toMatch(/^Root=1-[0-9a-f]{8}-[0-9a-f]{24}$/)
  })

  it('answers 503 with its own page when nothing is healthy, and 502 when the target has gone', async () => {
    const { target, server } = await named('a')
    const url = await balancer([target])
    const none = await fetch(url)
    expect([none.status, none.headers.get('server')]).toEqual([503, 'awselb/2.0'])
    expect(await none.text()).toContain('503 Service Temporarily Unavailable')
    await target.register()
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
    expect((await fetch(url)).status).toBe(502)
  })

  it('answers 504 when a target says nothing for the idle timeout, and cuts a stream that falls silent', async () => {
    const { target } = await backend((req, res) => {
      if (req.url === '/healthz') return void res.end('ok')
      if (req.url === '/stream') res.write('data: 1\n\n')
    })
    await target.register()
    const url = await balancer([target], { idleTimeoutS: 1.2 })
    const [silent, cut] = await Promise.all([
      fetch(`${url}/silent`),
      fetch(`${url}/stream`).then((response) =>
        response.text().then(
          () => 'ended',
          () => 'cut',
        ),
      ),
    ])
    expect(silent.status).toBe(504)
    expect(cut).toBe('cut')
  })

  it('passes a stream on as it comes, and tells the target when the client has gone', async () => {
    let gone: (value: unknown) => void
    const closed = new Promise((resolve) => (gone = resolve))
    const { target } = await backend((req, res) => {
      if (req.url === '/healthz') return void res.end('ok')
      res.writeHead(200, { 'content-type': 'text/event-stream' })
      res.write('data: first\n\n')
      res.on('close', gone)
    })
    await target.register()
    const url = await balancer([target])
    const answer = await new Promise<IncomingMessage>((resolve) => request(url, resolve).end())
    const first = await new Promise<Buffer>((resolve) => answer.once('data', resolve))
    expect(first.toString()).toBe('data: first\n\n')
    answer.destroy()
    await closed
  })

  it('takes a target out that fails its health checks, and in again when it is well', async () => {
    let well = true
    const { target } = await backend((req, res) => res.writeHead(well || req.url !== '/healthz' ? 200 : 503).end())
    await target.register()
    expect(target.state).toBe('healthy')
    well = false
    await expect.poll(() => target.state).toBe('unhealthy')
    well = true
    await expect.poll(() => target.state).toBe('healthy')
  })

  it('gives a draining target nothing new, and lets what is in flight finish', async () => {
    let finish: (() => void) | undefined
    const slow = await backend((req, res) => {
      if (req.url === '/healthz') return void res.end('ok')
      finish = () => res.end('done')
    })
    const other = await named('other')
    await slow.target.register()
    const targets = [slow.target]
    const url = await balancer(targets)
    const pending = fetch(url).then((response) => response.text())
    await expect.poll(() => finish).toBeDefined()
    await other.target.register()
    targets.push(other.target)
    const drained = slow.target.deregister(10_000)
    const seen = (await (await fetch(url)).json()) as Seen
    expect(seen.name).toBe('other')
    finish!()
    expect(await pending).toBe('done')
    await drained
  })

  it('binds a client to a target by a cookie when it is told to, and not otherwise', async () => {
    const targets = await both()
    const plain = await fetch(await balancer(targets))
    expect(plain.headers.get('set-cookie')).toBeNull()
    const url = await balancer(targets, { stickyS: 60 })
    const first = await fetch(url)
    const cookie = first.headers.get('set-cookie')!.split(';')[0]!
    const { name } = (await first.json()) as Seen
    for (let n = 0; n < 4; n++)
      expect(((await (await fetch(url, { headers: { cookie } })).json()) as Seen).name).toBe(name)
  })

  it.each(['/.fairlead/peer', '/%2efairlead/peer', '/.FAIRLEAD/peer?a', '//.fairlead/peer', '/%ff'])(
    'keeps %s to the tasks',
    async (path) => {
      const url = await balancer(await both(), { closedPrefix: '/.fairlead/' })
      const status = await new Promise((resolve) =>
        request({ port: new URL(url).port, host: '127.0.0.1', path }, (res) => {
          res.resume()
          resolve(res.statusCode)
        }).end(),
      )
      expect(status).toBe(404)
    },
  )

  it('refuses a Host that is not of this machine, and reports each exchange', async () => {
    const exchanges: Exchange[] = []
    const url = await balancer(await both(), { onEnd: (exchange) => exchanges.push(exchange) })
    const status = await new Promise((resolve) =>
      request(url, { headers: { host: 'evil.example' } }, (res) => {
        res.resume()
        resolve(res.statusCode)
      }).end(),
    )
    expect(status).toBe(403)
    await (await fetch(`${url}/mcp?secret=1`, { method: 'POST', body: '{"method":"tools/list"}' })).text()
    await expect.poll(() => exchanges.length).toBe(2)
    expect(exchanges[1]).toMatchObject({ method: 'POST', path: '/mcp', status: 200, requestBytes: 23 })
    expect(exchanges[1]!.body?.toString()).toBe('{"method":"tools/list"}')
  })
})
