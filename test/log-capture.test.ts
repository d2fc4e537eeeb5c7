import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { appendFileSync, mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { forgive, leaks, logged } from './support/log-capture.ts'

// The check that runs after every test file must be able to fail: here secrets are put where none may stand.
let dir: string
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'fairlead-leaks-'))
})
afterEach(() => {
  rmSync(dir, { recursive: true, force: true })
  rmSync(join(tmpdir(), `${process.pid}.jsonl`), { force: true })
})

const server = createServer((request, response) => {
  request.resume()
  response.setHeader('content-type', 'application/json')
  response.end(JSON.stringify({ access_token: request.headers['x-mint'] ?? '' }))
})
const mint = async (secret: string, path = '/') => {
  if (!server.listening) await once(server.listen(0, '127.0.0.1'), 'listening')
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}${path}`
  await (await fetch(url, { headers: { 'x-mint': secret, connection: 'close' } })).text()
}

it.each([
  ['a log line', async (secret: string) => void logged(`signed in with ${secret}, all is well`)],
  ['a log line', async (secret: string) => console.error({ toString: () => `token=${secret}` })],
  ['a URL', (secret: string) => mint('', `/mcp?access_token=${secret}`)],
  ['a log line', (secret: string) => run(`console.log('token', ${JSON.stringify(secret)})`)],
  [
    'a log line',
    async (secret: string) => appendFileSync(join(tmpdir(), `${process.pid}.jsonl`), `{"kept":"${secret}"}\n`),
  ],
  ['the table', (secret: string) => putItem(secret)],
])('a minted secret is found in %s', async (where, leak) => {
  const secret = `minted-${crypto.randomUUID()}`
  await mint(secret)
  expect(leaks(dir)).toEqual([])
  await leak(secret)
  const found = leaks(dir)
  forgive(secret)
  expect(found.length).toBeGreaterThan(0)
  for (const each of found) expect(each).toMatch(new RegExp(`^${where}: .*minted…$`))
  expect(found.join()).not.toContain(secret)
})

it('finds what a command minted in a process of its own, and another one logged', async () => {
  const [secret, capture] = [
    `minted-${crypto.randomUUID()}`,
    fileURLToPath(new URL('support/log-capture.command.ts', import.meta.url)),
  ]
  await run(
    `const s = (await import('node:http')).createServer((q, r) => r.end('{"refresh_token":"${secret}"}')).listen(0, async () => { await (await fetch('http://127.0.0.1:' + s.address().port)).text(); process.exit() })`,
    { LOG_CAPTURE_DIR: dir, NODE_OPTIONS: `--import=${capture}` },
  )
  logged(`the words of another: ${secret}`)
  const found = leaks(dir)
  forgive(secret)
  expect(found).toEqual(['a log line: the words of another: minted…'])
})

async function run(code: string, env: Record<string, string> = {}): Promise<void> {
  const child = spawn(process.execPath, ['--input-type=module', '-e', code], { env: { ...process.env, ...env } })
  child.stdout.resume()
  await once(child, 'close')
}

async function putItem(secret: string): Promise<void> {
  await mint('')
  await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`, {
    method: 'POST',
    headers: { 'x-amz-target': 'DynamoDB_20120810.PutItem', connection: 'close' },
    body: JSON.stringify({ Item: { d: { S: secret } } }),
  })
}
