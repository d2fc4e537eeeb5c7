import { spawn, type ChildProcess } from 'node:child_process'
import { createServer as createHttpServer, request } from 'node:http'
import { createServer } from 'node:net'
import { fileURLToPath } from 'node:url'
import { afterEach, describe, expect, it } from 'vitest'
import { examine, type ExamineOptions } from '../../src/doctor/examine.ts'

const children: ChildProcess[] = []
afterEach(() => {
  for (const child of children.splice(0)) child.kill()
})

/** Starts one of examples/broken, or with no name the server that is right. */
async function start(name: string): Promise<string> {
  const folder = fileURLToPath(new URL('../../examples/broken/', import.meta.url))
  const args =
    name === '' ? ['--input-type=module', '-e', "import('./serve.ts').then(({ serve }) => serve({}))"] : [`${name}.ts`]
  const child = spawn(process.execPath, args, { cwd: folder, stdio: ['ignore', 'pipe', 'inherit'] })
  children.push(child)
  return new Promise((resolve, reject) => {
    child.stdout.once('data', (chunk: Buffer) => resolve((JSON.parse(chunk.toString()) as { url: string }).url))
    child.once('exit', (code) => reject(new Error(`${name} ended with ${code}`)))
  })
}

/** What is failed or warned of, as far as the server that is right is not. */
const said = async (name: string, more: Partial<ExamineOptions> = {}) => {
  const found = async (url: string) => {
    const { findings, notReached } = await examine({ url, access: { kind: 'none' }, patienceMs: 1500, ...more })
    expect(notReached).toEqual([])
    return findings.filter(({ ok }) => !ok)
  }
  const right = (await found(await start(''))).map(({ id }) => id)
  return (await found(await start(name))).filter(({ id }) => !right.includes(id))
}

const failing = async (url: string) => {
  const { findings, ok } = await examine({ url, access: { kind: 'none' }, patienceMs: 1500 })
  return { ok, failed: findings.filter((each) => !each.ok && each.level === 'MUST').map(({ id }) => id) }
}

describe('a server that is right', () => {
  it('has nothing that fails', async () => {
    expect(await failing(await start(''))).toEqual({ ok: true, failed: [] })
  })
})

describe('a server that takes few requests at once', () => {
  it('is asked again, and has nothing that fails for that', async () => {
    const url = new URL(await start(''))
    let busy = 0
    let refused = 0
    const server = createHttpServer((req, res) => {
      if (busy >= 2) {
        refused++
        return void res.writeHead(429).end()
      }
      busy++
      res.on('close', () => busy--)
      const headers = { ...req.headers, host: req.headers.host === own ? url.host : req.headers.host }
      const out = request({ port: url.port, method: req.method, path: req.url, headers, agent: false }, (answer) => {
        res.writeHead(answer.statusCode!, answer.headers)
        answer.pipe(res)
      })
      out.on('error', () => res.destroy())
      res.on('close', () => out.destroy())
      req.pipe(out)
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const own = `127.0.0.1:${(server.address() as { port: number }).port}`
    try {
      expect(await failing(`http://${own}/mcp`)).toEqual({ ok: true, failed: [] })
      expect(refused).toBeGreaterThan(0)
    } finally {
      server.closeAllConnections()
      server.close()
    }
  })
})

describe('a server that is wrong in one way', () => {
  it.each([
    ['any-origin', 'origin-checked'],
    ['no-challenge', 'challenge-header'],
    ['other-resource', 'metadata-resource'],
    ['no-pkce', 'server-pkce'],
    ['endless', 'notification-202'],
    ['no-schema', 'tool-schemas'],
    ['html', 'content-type'],
    ['any-session', 'session-unknown-404'],
    ['redirects', 'no-redirect'],
  ])('fails for that reason alone: %s', async (name, id) => {
    const { ok, failed } = await failing(await start(name))
    expect(failed).toEqual([id])
    expect(ok).toBe(false)
  })
})

describe('a server that something is advised to', () => {
  const tool = { name: 'count', arguments: {} }

  it('hears that its answers name other sessions', async () => {
    expect(await said('rotating-session')).toMatchObject([{ id: 'session-id-stable', level: 'SHOULD' }])
  })

  it('hears that it closes connections sooner than a load balancer', async () => {
    expect(await said('short-keep-alive', { platform: 'fargate' })).toMatchObject([
      { id: 'keep-alive', says: 'It closes a connection after 5 s.' },
    ])
  })

  it('hears that its stream is held back', async () => {
    const [finding, ...more] = await said('buffered', { tool })
    expect(more).toEqual([])
    expect(finding).toMatchObject({ id: 'stream-as-it-happens' })
    expect(finding!.says).toMatch(/^4 events; the first after/)
  })

  it('hears that events come one by one, where they do', async () => {
    const { findings } = await examine({ url: await start(''), access: { kind: 'none' }, tool })
    const { ok, says } = findings.find(({ id }) => id === 'stream-as-it-happens')!
    expect(ok).toBe(true)
    const [, first, end] = /^4 events; the first after (\d+) ms, the end after (\d+) ms/.exec(says)!
    expect(Number(end) - Number(first)).toBeGreaterThan(250)
  })

  it.each([
    ['that reports nothing', 'wave', 'wave reported progress 0 times'],
    ['that is not there', 'nobody', 'nobody reported progress 0 times'],
  ])('hears that a tool tells nothing %s', async (_name, name, says) => {
    const { findings } = await examine({
      url: await start(''),
      access: { kind: 'none' },
      tool: { name, arguments: {} },
    })
    const found = findings.find(({ id }) => id === 'stream-as-it-happens')!
    expect(found.ok).toBe(false)
    expect(found.says).toContain(says)
  })
})

describe('what never answers as it should', () => {
  it('ends in time where a server streams for ever', async () => {
    const url = await start('forever')
    const began = performance.now()
    const { failed } = await failing(url)
    expect(failed).toContain('some-revision')
    expect(performance.now() - began).toBeLessThan(15_000)
  })

  it.each([
    ['that says nothing', () => {}, 'Nothing came within'],
    [
      'that speaks no HTTP',
      (socket: { end(text: string): void }) => socket.end('SSH-2.0-OpenSSH\r\n'),
      'does not speak HTTP',
    ],
    ['that hangs up', (socket: { destroy(): void }) => socket.destroy(), 'closed without an answer'],
    [
      'that sends 10 MB of headers',
      (socket: { write(text: string): void; on(event: 'error', then: () => void): void }) => {
        socket.on('error', () => {})
        socket.write(`HTTP/1.1 200 OK\r\nx: ${'x'.repeat(10 * 1024 * 1024)}`)
      },
      'does not speak HTTP',
    ],
  ])('says so of a socket %s', async (_name, speak, said) => {
    const server = createServer((socket) => speak(socket))
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as { port: number }
    const { findings, notReached, ok } = await examine({
      url: `http://127.0.0.1:${port}/mcp`,
      access: { kind: 'none' },
      patienceMs: 1500,
    })
    expect(findings).toMatchObject([{ id: 'reachable', ok: false }])
    expect(findings[0]!.says).toContain(said)
    expect(notReached).toContain('some-revision')
    expect(ok).toBe(false)
    server.close()
  })

  it('names a port where nobody listens, a name that leads nowhere, and TLS that does not come about', async () => {
    const server = createServer((socket) => socket.on('error', () => {}).destroy())
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as { port: number }
    const said = async (url: string) =>
      (await examine({ url, access: { kind: 'none' }, patienceMs: 1500 })).findings[0]!.says
    const plain = await start('')
    expect(await said(plain.replace('http:', 'https:'))).toContain('TLS')
    await new Promise((resolve) => server.close(resolve))
    expect(await said(`http://127.0.0.1:${port}/mcp`)).toContain('Nothing listens')
    expect(await said('http://no-such-name.invalid/mcp')).toMatch(/leads nowhere|Nothing/)
  })
})
