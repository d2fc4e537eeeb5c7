import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { freePort } from '../../src/http/local-port.ts'

const python = spawnSync('python3', ['--version']).status === 0
const script = fileURLToPath(new URL('../../src/build/localhost.py', import.meta.url))

/** A server of Python's own library. What a request asks for it answers; `/first` has its end when `/then` was asked for. */
const server = `
import json, os, signal, sys, threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

seen, then = [], threading.Event()

class Handler(BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'
    def do_POST(self):
        seen.append(self.path)
        body = self.rfile.read(int(self.headers.get('content-length', 0)))
        while self.headers.get('transfer-encoding') == 'chunked':
            size = int(self.rfile.readline(), 16)
            body += self.rfile.read(size)
            self.rfile.readline()
            if size == 0: break
        self.answer(json.dumps({'headers': self.headers.items(), 'body': body.decode(), 'seen': seen}).encode())
    def do_GET(self):
        if self.path == '/first':
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b'one ')
            then.wait(10)
            self.wfile.write(b'two')
            self.close_connection = True
        else:
            if self.path == '/then': then.set()
            self.answer(b'then' * 1_000_000 if self.path == '/last' else b'then')
            if self.path == '/last': os._exit(5)
    def answer(self, body):
        self.send_response(200)
        self.send_header('content-length', str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *_):
        pass

def end(*_):
    print('was told to end', flush=True)
    os._exit(7)

signal.signal(signal.SIGTERM, end)
http = ThreadingHTTPServer(('127.0.0.1', int(os.environ['PORT'])), Handler)
print('up', flush=True)
http.serve_forever()
`

interface Started {
  front: number
  port: number
  child: ChildProcess
  said: () => string
  ended: Promise<[number | null]>
}

const started: ChildProcess[] = []
afterAll(() => {
  for (const child of started) child.kill('SIGKILL')
})

async function start(...command: string[]): Promise<Started> {
  const [front, port] = [await freePort(), await freePort()]
  const child = spawn('python3', ['-I', '-S', script, String(front), String(port), ...command], {
    env: { PATH: process.env.PATH, HOME: process.env.HOME, PORT: String(port) },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  started.push(child)
  let said = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (said += chunk.toString()))
  return { front, port, child, said: () => said, ended: once(child, 'close') as Promise<[number | null]> }
}

/** It is up when its server has said so, and the next moment listens itself. */
async function serving(): Promise<Started> {
  const running = await start('python3', '-c', server)
  await once(running.child.stdout!, 'data')
  while (!(await opened(running.front).catch(() => undefined))?.destroy());
  return running
}

async function opened(port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1')
  await once(socket, 'connect')
  return socket
}

/** Sends bytes as they are, and reads until the other side hangs up. */
async function raw(port: number, ...pieces: string[]): Promise<string> {
  const socket = await opened(port)
  for (const piece of pieces) socket.write(piece)
  return read(socket)
}

async function read(socket: Socket): Promise<string> {
  const chunks: Buffer[] = []
  socket.on('data', (chunk: Buffer) => chunks.push(chunk))
  await once(socket, 'end')
  return Buffer.concat(chunks).toString()
}

interface Seen {
  headers: [string, string][]
  body: string
  seen: string[]
}

const bodyOf = (answer: string) => JSON.parse(answer.slice(answer.indexOf('\r\n\r\n') + 4)) as Seen

describe.skipIf(!python)('localhost.py before a server', () => {
  let running: Started
  beforeAll(async () => (running = await serving()))

  it('gives it one Host, its own, whatever came, and everything else as it came', async () => {
    const { headers, body } = bodyOf(
      await raw(
        running.front,
        'POST /mcp HTTP/1.1\r\nhOST: abc.lambda-url.us-east-1.on.aws\r\nX-Host: kept\r\nHost:evil\r\nConnection: keep-alive\r\n',
        'Accept: a\r\nAccept: b\r\nContent-Length: 4\r\n\r\nHost',
      ),
    )
    expect(headers).toEqual([
      ['Host', `127.0.0.1:${running.port}`],
      ['Connection', 'close'],
      ['X-Host', 'kept'],
      ['Accept', 'a'],
      ['Accept', 'b'],
      ['Content-Length', '4'],
    ])
    expect(body).toBe('Host')
  })

  it('answers one request a connection: a second one, with its own Host, does not reach the server', async () => {
    const first = 'POST /one HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n'
    const answer = await raw(
      running.front,
      `${first}POST /smuggled HTTP/1.1\r\nHost: evil\r\nContent-Length: 0\r\n\r\n`,
    )
    expect(answer.match(/HTTP\/1\.1 200/g)).toHaveLength(1)
    expect(bodyOf(await raw(running.front, first)).seen).not.toContain('/smuggled')
  })

  it('passes on what there is of an answer before there is more, and takes other connections meanwhile', async () => {
    const socket = await opened(running.front)
    socket.write('GET /first HTTP/1.1\r\nHost: a\r\n\r\n')
    let text = ''
    for await (const chunk of socket) {
      const before = text
      text += (chunk as Buffer).toString()
      if (text.endsWith('one ') && before !== text) await raw(running.front, 'GET /then HTTP/1.1\r\n\r\n')
    }
    expect(text).toMatch(/one two$/)
  })

  it.each([
    ['in chunks', ['Transfer-Encoding: chunked\r\n\r\n', '5\r\nhello\r\n', '0\r\n\r\n'], 'hello'],
    ['of 3 MB', ['Content-Length: 3000000\r\n\r\n', 'x'.repeat(1e6), 'x'.repeat(2e6)], 'x'.repeat(3e6)],
  ])('passes on a body %s', async (_how, pieces, whole) => {
    const answer = await raw(running.front, 'POST /mcp HTTP/1.1\r\nHost: a\r\n', ...pieces)
    expect(bodyOf(answer).body === whole).toBe(true)
  })

  it.each([
    ['431', 'a head over 64 KiB', `GET / HTTP/1.1\r\nX: ${'x'.repeat(65_536)}\r\n\r\n`],
    ['431', 'a head without an end', `GET / HTTP/1.1\r\nX: ${'x'.repeat(4e6)}`],
    ['400', 'a name with a space', 'GET / HTTP/1.1\r\nHost : evil\r\n\r\n'],
    ['400', 'a folded line', 'GET / HTTP/1.1\r\nX: a\r\n Host: evil\r\n\r\n'],
    ['400', 'a line that ends in a line feed alone', 'GET / HTTP/1.1\r\nX: a\nHost: evil\r\n\r\n'],
  ])('answers %s to %s', async (status, _what, request) => {
    expect(await raw(running.front, request)).toMatch(
      new RegExp(`^HTTP/1.1 ${status} [\\w ]+\r\nContent-Length: 0\r\nConnection: close\r\n\r\n$`),
    )
  })

  it('lets no client listen by GET, which would keep an environment of the function, but take up an answer again', async () => {
    const ask = async (more: string) =>
      raw(running.front, `GET /then HTTP/1.1\r\nMcp-Protocol-Version: 2025-11-25\r\n${more}\r\n`)
    expect(await ask('')).toMatch(/^HTTP\/1\.1 405 Method Not Allowed\r\nAllow: POST, DELETE\r\n/)
    expect(await ask('Last-Event-ID: 1\r\n')).toMatch(/^HTTP\/1\.1 200/)
  })

  it('hears out a client that still sends when it has its answer', async () => {
    const socket = connect({ port: running.front, host: '127.0.0.1', allowHalfOpen: true })
    socket.write(`GET / HTTP/1.1\r\nX: ${'x'.repeat(65_536)}\r\n\r\n`)
    expect(await read(socket)).toMatch(/^HTTP\/1.1 431/)
    for (let sent = 0; sent < 10; sent++)
      await new Promise<void>((resolve, reject) => {
        socket.write('x'.repeat(100_000), (error) => (error ? reject(error) : resolve()))
      })
    socket.destroy()
  })

  it('tells the server to end, and ends with its code', async () => {
    running.child.kill('SIGTERM')
    expect((await running.ended)[0]).toBe(7)
    expect(running.said()).toBe('up\nwas told to end\n')
  })
})

describe.skipIf(!python)('localhost.py', () => {
  it('gives the last answer before it ends', async () => {
    const { front, ended } = await serving()
    const answer = await raw(front, 'GET /last HTTP/1.1\r\n\r\n')
    expect(answer.slice(answer.indexOf('\r\n\r\n') + 4)).toHaveLength(4_000_000)
    expect((await ended)[0]).toBe(5)
  })

  it.concurrent.each([
    [3, 'a server that ends', ['sh', '-c', 'exit 3'], ''],
    [137, 'a server that is killed', ['sh', '-c', 'kill -9 $$'], ''],
    [127, 'no such command', ['no-such-command'], 'localhost.py: no-such-command: No such file or directory\n'],
    [126, 'a command that may not run', ['/'], 'localhost.py: /: Permission denied\n'],
    [2, 'no command', [], 'localhost.py: usage: localhost.py FRONT PORT COMMAND [ARGUMENT...]\n'],
  ])('ends with %i after %s', async (code, _what, command, said) => {
    const running = await start(...command)
    expect((await running.ended)[0]).toBe(code)
    expect(running.said()).toBe(said)
  })

  it('gives the command what Python itself would have kept from it', async () => {
    const { ended, said } = await start('sh', '-c', 'yes | head -1; echo "$PORT" "$@"', 'sh', "it's", '--port')
    await ended
    expect(said()).toMatch(/^y\n\d+ it's --port\n$/)
  })

  it('says so where its own port is taken, and starts nothing', async () => {
    const holder = createServer().listen(0, '127.0.0.1')
    await once(holder, 'listening')
    const { port } = holder.address() as AddressInfo
    const { status, stdout, stderr } = spawnSync('python3', ['-I', '-S', script, String(port), '1', 'echo', 'started'])
    holder.close()
    expect([status, String(stdout)]).toEqual([1, ''])
    expect(String(stderr)).toContain(`127.0.0.1:${port}: Address already in use`)
  })
})
