import { connect, type Socket } from 'node:net'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { explainRequest } from '../../src/explain/explain.ts'
import { readKept } from '../../src/local/kept.ts'
import { startStack, type Stack } from '../../src/local/stack.ts'
import { temporaryFolder } from '../support/temporary.ts'

let folder: Awaited<ReturnType<typeof temporaryFolder>>
let stack: Stack

beforeAll(async () => {
  folder = await temporaryFolder()
  const entry = fileURLToPath(new URL('../fixtures/pid-server.ts', import.meta.url))
  const config = {
    name: 'bad',
    server: { kind: 'module' as const, entry },
    platforms: { lambda: {}, fargate: { tasks: 1 }, 'agentcore-runtime': {} },
  }
  stack = await startStack({ dir: folder.path, configFile: '', config }, { port: 0 })
}, 30_000)
afterAll(async () => {
  await stack?.close()
  await folder?.remove()
})

const places = ['lambda', 'fargate', 'agentcore-runtime'] as const
const open = (place: (typeof places)[number]) => {
  const { hostname, port, host, pathname } = new URL(stack.endpoints[place]!.url)
  const socket = connect(Number(port), hostname)
  socket.on('error', () => {})
  return { socket, host, pathname }
}
/** All that comes until the other side closes. */
const answerOf = (socket: Socket) =>
  new Promise<string>((resolve) => {
    let said = ''
    socket.on('data', (chunk: Buffer) => (said += chunk.toString('latin1')))
    socket.on('close', () => resolve(said))
  })

describe.each(places)('what is no request, at %s', (place) => {
  it.each([
    ['another protocol', 'SSH-2.0-OpenSSH_9.9\r\n\r\n'],
    ['a TLS hello', Buffer.from('16030100c8010000c40303', 'hex')],
    ['a header without an end', 'POST /mcp HTTP/1.1\r\nHost 127.0.0.1\r\n\r\n'],
    ['two lengths', 'POST /mcp HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab'],
  ])('is refused: %s', async (_name, bytes) => {
    const { socket } = open(place)
    const answer = answerOf(socket)
    socket.write(bytes)
    expect(await answer).toMatch(/^HTTP\/1\.1 400 /)
  })

  it('is refused before 10 MB of headers are read', async () => {
    const { socket, host, pathname } = open(place)
    const answer = answerOf(socket)
    socket.write(`POST ${pathname} HTTP/1.1\r\nHost: ${host}\r\n`)
    const block = `X-A: ${'a'.repeat(64 * 1024)}\r\n`
    let written = 0
    const more = () => {
      while (written < 10 * 1024 * 1024 && !socket.destroyed) {
        written += block.length
        if (!socket.write(block)) return void socket.once('drain', more)
      }
    }
    more()
    expect(await answer).toMatch(/^HTTP\/1\.1 431 /)
    expect(written).toBeLessThan(5 * 1024 * 1024)
  })

  it('leaves the endpoint as it was when a body is cut', async () => {
    const { socket, host, pathname } = open(place)
    const answer = answerOf(socket)
    socket.end(`POST ${pathname} HTTP/1.1\r\nHost: ${host}\r\nContent-Length: 1000\r\n\r\n{"jsonrpc":`)
    await answer
    const after = await fetch(stack.endpoints[place]!.url, { method: 'POST', body: '{' })
    expect([401, 403]).toContain(after.status)
    await after.text()
  })
})

describe('requests that make no sense', () => {
  it('are kept, and explained without harm', async () => {
    for (const body of ['', '{', '\u0000\u0001', '[]', 'null', 'x'.repeat(500_000)])
      await fetch(stack.endpoints.lambda!.url, {
        method: 'POST',
        body,
        headers: {
          authorization: `AWS4-HMAC-SHA256 ${body.slice(0, 5).replaceAll(/[^x{[\]]/g, '')}`,
          'x-amz-date': 'never',
        },
      }).then((response) => response.text())
    const lambda = () => {
      stack.requests.flush()
      return readKept(folder.path).filter(({ platform }) => platform === 'lambda')
    }
    await expect.poll(() => lambda().length).toBeGreaterThanOrEqual(6)
    const kept = lambda()
    for (const each of kept) {
      const endpoint = { url: stack.endpoints.lambda!.url, auth: 'iam' as const }
      const found = explainRequest(each, { endpoint, keys: stack.identities, others: kept })
      expect(found.accepted).toBe(false)
      expect(found.why.length).toBeGreaterThan(0)
    }
  })
})
