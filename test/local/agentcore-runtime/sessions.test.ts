import { existsSync, readdirSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { buildArtifact } from '../../../src/build/build.ts'
import { isRunning } from '../../support/processes.ts'
import { accept, ask, connect, post, rpc, startRuntime, type TestRuntime } from './support.ts'

interface Where {
  pid: number
  cwd: string
  tmp: string
  mode: string
  env: string[]
}

const named = (id: string) => ({ 'mcp-session-id': id.padEnd(40, '-') })
const call = (name: string, args: Record<string, unknown> = {}) => rpc('tools/call', { name, arguments: args })

describe('a session', () => {
  let test: TestRuntime
  beforeAll(async () => {
    test = await startRuntime()
  })
  afterAll(async () => test?.close())
  const where = async (id: string): Promise<Where> => {
    const { body } = await post(test.signed, test.url, call('where'), named(id))
    return JSON.parse(body.result!.content![0]!.text) as Where
  }

  it('is a process of its own, with its own memory, environment and folders', async () => {
    process.env.AWS_PROFILE_OF_THE_USER = 'x'
    const [a, b] = [await where('a'), await where('b')]
    expect(a.pid).not.toBe(b.pid)
    expect(a.tmp).not.toBe(b.tmp)
    expect([a.mode, b.mode]).toEqual(['700', '700'])
    expect(a.cwd).not.toBe(b.cwd)
    expect(a.env).toEqual(expect.arrayContaining(['AWS_REGION', 'FAIRLEAD_PLATFORM', 'HOME', 'PORT']))
    expect(a.env).not.toContain('AWS_PROFILE_OF_THE_USER')
    expect(a.env).not.toContain('USER')
    const keep = async (id: string, text: string) =>
      (await post(test.signed, test.url, call('keep', { text }), named(id))).body.result!.content![0]!.text
    expect([await keep('a', '1'), await keep('a', '2'), await keep('b', '3')]).toEqual(['["1"]', '["1","2"]', '["3"]'])
    expect((await where('a')).pid).toBe(a.pid)
  })

  it('belongs to the client that has its id, and another client has another', async () => {
    const [first, second] = await Promise.all([connect(test.url, test.signed), connect(test.url, test.signed)])
    const pids = new Set<number>()
    for (const client of [first, second, first, second]) pids.add((await ask<Where>(client, 'where')).pid)
    expect(pids.size).toBe(2)
    await first.close()
    await second.close()
  })

  it('is busy while it is created: a second call gets -32005', async () => {
    const record = test.nextRecord()
    const both = [1, 2].map((id) => post(test.signed, test.url, rpc('ping', {}, id), named('busy')))
    const answers = (await Promise.all(both)).map(({ status, body }) => ({ status, ...body }))
    expect(answers).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ status: 200, result: {} }),
        expect.objectContaining({
          status: 200,
          error: { code: -32005, message: 'Session operation in progress, please retry' },
        }),
      ]),
    )
    expect(await record).toMatchObject({ code: 'RUNTIME_SESSION_BUSY' })
  })

  it('that crashes in a call answers -32010, with its log, and no other session feels it', async () => {
    const other = await where('other')
    const crashed = await where('crash')
    const record = test.nextRecord()
    const answer = await post(test.signed, test.url, call('crash'), named('crash'))
    expect(answer).toMatchObject({
      status: 200,
      body: { id: 7, error: { code: -32010, message: expect.stringContaining('CloudWatch logs') as string } },
    })
    expect(await record).toMatchObject({ code: 'RUNTIME_CRASHED' })
    await gone(crashed)
    expect((await where('other')).pid).toBe(other.pid)
    const again = await where('crash')
    expect(again.pid).not.toBe(crashed.pid)
  })

  it('that crashes in a stream ends it, with the cause in the log', async () => {
    await where('stream')
    const record = test.nextRecord()
    const params = { name: 'count', arguments: { to: 3, crash: true }, _meta: { progressToken: 1 } }
    const response = await test.signed(test.url, {
      method: 'POST',
      body: rpc('tools/call', params),
      headers: { ...accept, ...named('stream') },
    })
    const text = await response.text().catch((error: Error) => error.message)
    expect(text).not.toContain('counted')
    expect(await record).toMatchObject({ code: 'RUNTIME_CRASHED', status: 200 })
  })

  it('of a client that names none and does not say initialize ends with its answer', async () => {
    const { body } = await post(test.signed, test.url, call('where'))
    await gone(JSON.parse(body.result!.content![0]!.text) as Where)
  })

  it('has the newest code after a reload; what is in flight ends on the old one', async () => {
    const before = await where('reload')
    const slow = post(test.signed, test.url, call('sleep', { ms: 400 }), named('reload'))
    await post(test.signed, test.url, rpc('ping'), named('reload'))
    const artifact = await buildArtifact({
      projectDir: test.folder,
      config: { name: 'next', server: { kind: 'module', entry: fixture }, platforms: {} },
      outDir: join(test.folder, 'next'),
    })
    await test.runtime.replace(artifact.dir)
    const after = await where('reload')
    expect(after.pid).not.toBe(before.pid)
    expect((await slow).body.result).toMatchObject({ content: [{ text: '"slept"' }] })
    await gone(before)
  })
})

const fixture = join(import.meta.dirname, '../../fixtures/runtime-server.ts')

describe('modern clients', () => {
  const modern = { pin: '2026-07-28' }
  it.each([
    ['each', 6],
    ['pool', 1],
  ] as const)('with modernSessions %s have %i processes for six calls in a row', async (modernSessions, processes) => {
    const test = await startRuntime({ modernSessions })
    const client = await connect(test.url, test.signed, modern)
    const seen = new Set<number>()
    for (let at = 0; at < 6; at++) seen.add((await ask<Where>(client, 'where')).pid)
    expect(seen.size).toBe(processes)
    await client.close()
    await test.close()
  })

  it('of a pool have four processes at once, and share them when there are more calls', async () => {
    const test = await startRuntime({ modernSessions: 'pool' })
    const client = await connect(test.url, test.signed, modern)
    await Promise.all(Array.from({ length: 12 }, () => ask(client, 'sleep', { ms: 50 })))
    expect(test.runtime.sessions.size).toBe(4)
    const pids = new Set(test.runtime.sessions.pids())
    expect(pids.has((await ask<Where>(client, 'where')).pid)).toBe(true)
    test.faults.set('session-expired', true)
    expect(pids.has((await ask<Where>(client, 'where')).pid)).toBe(false)
    expect(test.runtime.sessions.size).toBe(4)
    await client.close()
    await test.close()
  })
})

describe('what ends a session', () => {
  let test: TestRuntime | undefined
  afterEach(async () => test?.close())
  const where = async (id: string): Promise<Where> => {
    const { body } = await post(test!.signed, test!.url, call('where'), named(id))
    return JSON.parse(body.result!.content![0]!.text) as Where
  }

  it('is idle time, which a call in flight does not count for', async () => {
    test = await startRuntime({}, { idleMs: 150 })
    const before = await where('idle')
    await post(test.signed, test.url, call('sleep', { ms: 400 }), named('idle'))
    expect((await where('idle')).pid).toBe(before.pid)
    await gone(before)
    // Its process is gone before the platform has heard of it.
    await expect.poll(() => test!.runtime.sessions.size).toBe(0)
    expect((await where('idle')).pid).not.toBe(before.pid)
  })

  it('is its lifetime, also in a call', async () => {
    test = await startRuntime({}, { lifetimeMs: 1500 })
    const before = await where('life')
    const answer = await post(test.signed, test.url, call('sleep', { ms: 60_000 }), named('life'))
    expect(answer.body.error).toMatchObject({ code: -32010 })
    await gone(before)
  })

  it('is nothing else: more sessions than may be are refused, and those that are there stay', async () => {
    test = await startRuntime({ maxSessions: 2 })
    const first = await where('1')
    await where('2')
    const record = test.nextRecord()
    const third = await post(test.signed, test.url, rpc('ping'), named('3'))
    expect(third).toMatchObject({ status: 200, body: { error: { code: -32003 } } })
    expect(await record).toMatchObject({ code: 'RUNTIME_SESSIONS_FULL', why: 'All 2 sessions are there.' })
    expect((await where('1')).pid).toBe(first.pid)
  })

  it('is the end of the stack, and then nothing is left', async () => {
    test = await startRuntime()
    const [a, b] = [await where('a'), await where('b')]
    const { folder } = test.runtime.sessions
    expect(readdirSync(folder)).toHaveLength(2)
    const hanging = post(test.signed, test.url, call('sleep', { ms: 60_000 }), named('a')).catch(() => undefined)
    await test.close()
    test = undefined
    await hanging
    expect([isRunning(a.pid), isRunning(b.pid), existsSync(folder)]).toEqual([false, false, false])
  })
})

describe('a server that does not come up', () => {
  /** Listens at first; then does what the file `mode` says. */
  const code = `import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
const mode = (() => { try { return readFileSync(process.env.FAIRLEAD_PROJECT_DIR + '/mode', 'utf8') } catch { return '' } })()
if (mode === 'throw') throw new Error('no database')
if (mode === 'silent') setInterval(() => {}, 1000)
else createServer((req, res) => res.end('{"jsonrpc":"2.0","id":7,"result":{}}')).listen(0, '127.0.0.1', function () { console.log(JSON.stringify({ listening: 'http://127.0.0.1:' + this.address().port })) })
`
  it.each([
    ['throw', /An error occurred when starting the runtime/, /no database/],
    ['silent', /Runtime initialization time exceeded/, /did not listen/],
  ])('gets -32010 and the service’s words: %s', async (mode, message, why) => {
    const test = await startRuntime({}, { startTimeoutMs: 500 }, async (folder) => {
      const dir = join(folder, 'artifact')
      await mkdir(dir)
      await writeFile(join(dir, 'index.js'), code)
      await writeFile(join(dir, 'package.json'), '{"type":"module"}')
      return dir
    })
    expect((await post(test.signed, test.url, rpc('ping'), named('good'))).body.result).toEqual({})
    await writeFile(join(test.folder, 'mode'), mode)
    const record = test.nextRecord()
    const answer = await post(test.signed, test.url, rpc('ping'), named('bad'))
    expect(answer.body.error).toMatchObject({ code: -32010, message: expect.stringMatching(message) as string })
    expect(await record).toMatchObject({ code: 'RUNTIME_START_FAILED', why: expect.stringMatching(why) as string })
    expect((await post(test.signed, test.url, rpc('ping'), named('good'))).body.result).toEqual({})
    await test.close()
  })

  it('is told at the start of dev', async () => {
    const broken = startRuntime({}, {}, async (folder) => {
      await writeFile(join(folder, 'index.js'), "throw new Error('no database')")
      return folder
    })
    await expect(broken).rejects.toMatchObject({
      code: 'SERVER_THROWS',
      why: expect.stringContaining('no database') as string,
    })
  })
})

async function gone({ pid, tmp }: Where): Promise<void> {
  await expect.poll(() => isRunning(pid) || existsSync(tmp), { timeout: 5000 }).toBe(false)
}
