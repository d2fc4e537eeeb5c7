import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { createServer as createTcp, type AddressInfo, type Socket } from 'node:net'
import { promisify } from 'node:util'
import { brotliCompressSync, gzipSync } from 'node:zlib'
import { afterEach, describe, expect, it } from 'vitest'
import { lightFetch } from '../../src/http/light-fetch.ts'
import { readText } from '../../src/http/quoted.ts'

const closing: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const close of closing.splice(0)) await close()
})

async function serve(answer: (req: IncomingMessage, res: ServerResponse) => void): Promise<string> {
  const server: Server = createServer(answer)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  closing.push(async () => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

describe('lightFetch', () => {
  it('sends method, headers and body, says what it is, and gives status, headers and body', async () => {
    const seen: unknown[] = []
    const url = await serve((req, res) => {
      req.setEncoding('utf8').on('data', (text: string) => {
        seen.push(req.method, req.url, req.headers['x-one'], req.headers['user-agent'], req.headers['content-length'], text) // prettier-ignore
        res.writeHead(201, { 'x-two': 'b' }).end('hello')
      })
    })
    const answer = await lightFetch(`${url}/mcp?a=1`, { method: 'POST', headers: { 'x-one': 'a' }, body: '{}' })
    expect([answer.status, answer.ok, answer.headers.get('X-Two'), await readText(answer, 100)]).toEqual([201, true, 'b', 'hello']) // prettier-ignore
    expect(seen).toEqual(['POST', '/mcp?a=1', 'a', 'fairlead', '2', '{}'])
  })

  it('uses a connection again, also when a short answer was not read', async () => {
    const ports = new Set<number | undefined>()
    const url = await serve((req, res) => {
      ports.add(req.socket.remotePort)
      res.end('short')
    })
    await readText(await lightFetch(url), 100)
    await (await lightFetch(url)).body!.cancel()
    // The rest is read in a later turn, and then the connection is free.
    await new Promise((resolve) => setImmediate(() => setImmediate(resolve)))
    await readText(await lightFetch(url), 100)
    expect(ports.size).toBe(1)
  })

  it('gives a redirect as it is', async () => {
    const url = await serve((_, res) => res.writeHead(307, { location: '/other' }).end())
    expect((await lightFetch(url)).status).toBe(307)
  })

  it.each([
    ['gzip', gzipSync('compressed')],
    ['br', brotliCompressSync('compressed')],
  ])('reads an answer in %s that it did not ask for', async (encoding, bytes) => {
    const url = await serve((req, res) => {
      expect(req.headers['accept-encoding']).toBeUndefined()
      res.writeHead(200, { 'content-encoding': encoding }).end(bytes)
    })
    expect(await readText(await lightFetch(url), 100)).toBe('compressed')
  })

  it('ends when it is told, before the answer and within it', async () => {
    const gone: Promise<unknown>[] = []
    const url = await serve((req, res) => {
      gone.push(once(res, 'close'))
      if (req.url === '/begun') res.write('first ')
      if (req.url === '/endless') req.socket.write('HTTP/1.1 200 OK\r\n\r\nno length')
    })
    const before = new AbortController()
    const waiting = lightFetch(`${url}/never`, { signal: before.signal })
    const within = new AbortController()
    const begun = await lightFetch(`${url}/begun`, { signal: within.signal })
    before.abort(new Error('enough'))
    await expect(waiting).rejects.toThrow('enough')
    const endless = await lightFetch(`${url}/endless`, { signal: within.signal })
    const reading = [begun, endless].map((each) => readText(each, 100))
    within.abort(new Error('now'))
    for (const each of reading) await expect(each).rejects.toThrow('now')
    await Promise.all(gone)
    await expect(lightFetch(url, { signal: AbortSignal.abort() })).rejects.toThrow('aborted')
  })

  it('throws when the answer breaks off', async () => {
    const url = await serve((_, res) => {
      res.writeHead(200, { 'content-length': '100' }).write('half')
      setImmediate(() => res.destroy())
    })
    await expect(readText(await lightFetch(url), 100)).rejects.toMatchObject({ code: 'ECONNRESET' })
  })

  it('says whether it was sent when the connection fails', async () => {
    const sockets: Socket[] = []
    const server = createTcp((socket) => {
      sockets.push(socket)
      socket.once('data', () => socket.destroy())
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    const sent = await lightFetch(`http://127.0.0.1:${port}/`).catch((error: unknown) => error)
    expect(sent).toMatchObject({ code: 'ECONNRESET' })
    expect(sent).not.toHaveProperty('unsent')
    const untrusted = await lightFetch(`https://127.0.0.1:${port}/`).catch((error: unknown) => error)
    expect(untrusted).toMatchObject({ unsent: true })
    await new Promise((resolve) => server.close(resolve))
    const refused = await lightFetch(`http://127.0.0.1:${port}/`).catch((error: unknown) => error)
    expect(refused).toMatchObject({ code: 'ECONNREFUSED', unsent: true })
  })

  // Node has this from 22.21 on.
  it.skipIf(Number(process.versions.node.split('.')[0]) < 24)(
    'goes through a proxy where Node is told so',
    async () => {
      const seen: (string | undefined)[] = []
      const url = await serve((req, res) => {
        seen.push(req.url)
        res.end('through')
      })
      const file = new URL('../../src/http/light-fetch.ts', import.meta.url).href
      const code = `import(${JSON.stringify(file)}).then(({ lightFetch }) => lightFetch('http://mcp.invalid/mcp')).then(({ status }) => console.log(status))` // prettier-ignore
      const env = { ...process.env, NODE_USE_ENV_PROXY: '1', HTTP_PROXY: url, http_proxy: url }
      const { stdout } = await promisify(execFile)(process.execPath, ['-e', code], { env })
      expect([stdout, seen]).toEqual(['200\n', ['http://mcp.invalid/mcp']])
    },
  )

  it('takes http and https alone', async () => {
    await expect(lightFetch('ftp://127.0.0.1/')).rejects.toThrow('neither http: nor https:')
  })
})
