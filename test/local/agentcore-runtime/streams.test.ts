import { readFileSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, describe, expect, it } from 'vitest'
import { accept, post, rpc, startRuntime, type TestRuntime } from './support.ts'

/** Streams 200 MB as fast as it is let, and says in a file how many bytes it has written; `late` never answers, `slow` never ends. */
const code = `import { writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
const total = 200 * 1024 * 1024
const chunk = Buffer.alloc(256 * 1024, 'x')
createServer((req, res) => {
  let body = ''
  req.on('data', (each) => (body += each))
  req.on('end', () => {
    if (body.includes('late')) return
    res.writeHead(200, { 'content-type': 'text/event-stream' })
    if (body.includes('slow')) return void res.write('data: 1\\n\\n')
    let written = 0
    const more = () => {
      while (written < total) {
        written += chunk.length
        const free = res.write(chunk)
        if (!free) { writeFileSync(process.env.FAIRLEAD_PROJECT_DIR + '/written', String(written)); return void res.once('drain', more) }
      }
      res.end()
    }
    more()
  })
}).listen(0, '127.0.0.1', function () { console.log(JSON.stringify({ listening: 'http://127.0.0.1:' + this.address().port })) })
`
const withCode = async (folder: string) => {
  const dir = join(folder, 'artifact')
  await mkdir(dir)
  await writeFile(join(dir, 'index.js'), code)
  await writeFile(join(dir, 'package.json'), '{"type":"module"}')
  return dir
}
const headers = { ...accept, 'mcp-session-id': 's'.repeat(36) }

describe('a stream', () => {
  let test: TestRuntime | undefined
  afterEach(async () => {
    await test?.close()
    test = undefined
  })

  it('stops its server while nobody reads, and comes whole', async () => {
    test = await startRuntime({}, {}, withCode)
    const response = await test.signed(test.url, { method: 'POST', body: rpc('ping'), headers })
    const reader = response.body!.getReader()
    let read = (await reader.read()).value!.length
    const written = () => Number(readFileSync(join(test!.folder, 'written'), 'utf8'))
    let before = -1
    while (written() !== before) {
      before = written()
      await sleep(300)
    }
    expect(before).toBeLessThan(32 * 1024 * 1024)
    for (;;) {
      const { done, value } = await reader.read()
      if (done) break
      read += value.length
    }
    expect(read).toBe(200 * 1024 * 1024)
  })

  it('may last as long as the service lets it, and a call may wait as long', async () => {
    test = await startRuntime({}, { requestMs: 300, streamMs: 300 }, withCode)
    const first = test.nextRecord()
    const late = await post(test.signed, test.url, rpc('late'), headers)
    expect(late).toMatchObject({ status: 200, body: { error: { code: -32010 } } })
    expect(await first).toMatchObject({ code: 'RUNTIME_TIMEOUT' })
    const second = test.nextRecord()
    const slow = await test.signed(test.url, { method: 'POST', body: rpc('slow'), headers })
    await slow.text().catch(() => '')
    expect(await second).toMatchObject({ code: 'RUNTIME_TIMEOUT', status: 200 })
  })
})
