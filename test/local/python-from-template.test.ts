import { spawnSync } from 'node:child_process'
import { EventEmitter, once } from 'node:events'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { sigv4Fetch } from '../../src/auth/sigv4/fetch.ts'
import { buildForAws } from '../../src/build/for-aws.ts'
import type { Project } from '../../src/build/project.ts'
import type { FairleadConfig } from '../../src/config.ts'
import { synthesize } from '../../src/deploy/app.ts'
import type { Deployment } from '../../src/deploy/deployment.ts'
import { writeSam } from '../../src/deploy/sam.ts'
import { freePort } from '../../src/http/local-port.ts'
import { fromTemplate } from '../../src/local/from-template.ts'
import { startStack, type Stack } from '../../src/local/stack.ts'

const python = spawnSync('python3', ['--version']).status === 0

/** Answers with what it got, but for `/rpc?stream`, which ends when `/rpc?end` came, and `/rpc?exit`, which ends it. */
const server = `
import json, os, threading
if 'ABSENT' in os.environ: import absent
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

end = threading.Event()

class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers.get('content-length', 0))).decode()
        if self.path == '/rpc?exit': os._exit(3)
        if self.path == '/rpc?hang': threading.Event().wait(10)
        self.send_response(202 if self.path == '/rpc?empty' else 200)
        self.send_header('set-cookie', 'a=1')
        self.end_headers()
        if self.path == '/rpc?stream':
            self.wfile.write(b'one ')
            end.wait(10)
            self.wfile.write(b'two')
        elif self.path == '/rpc?end': end.set()
        elif self.path == '/rpc?large': self.wfile.write(b'x' * 5_500_000)
        elif self.path != '/rpc?empty':
            self.wfile.write(json.dumps({'path': self.path, 'headers': dict(self.headers), 'body': body, 'cwd': os.getcwd()}).encode())
    def log_message(self, *_):
        pass

ThreadingHTTPServer(('127.0.0.1', int(os.environ['PORT'])), Handler).serve_forever()
`

const root = mkdtempSync(join(tmpdir(), 'fairlead-python-'))
const [made, sam] = [join(root, 'made'), join(root, 'sam')]
let port: number
let project: Project
beforeAll(async () => {
  port = await freePort()
  mkdirSync(join(root, 'app'))
  writeFileSync(join(root, 'app/server.py'), server)
  const config: FairleadConfig = {
    name: 'weather',
    server: { kind: 'http', command: 'python3', args: ['server.py'], cwd: 'app', port, path: '/rpc' },
    callers: ['arn:aws:iam::111122223333:role/agent'],
    platforms: { lambda: { runtime: 'python3.13', timeoutS: 5 } },
  }
  project = { dir: root, configFile: '', config }
  const artifacts = { server: await buildForAws({ projectDir: root, config, outDir: join(root, 'server') }) }
  const place = { environment: 'prod', account: '111122223333', region: 'us-east-1' }
  const deployment: Deployment = { project, ...place, platforms: ['lambda'], artifacts }
  await synthesize(deployment, made)
  writeSam(deployment, sam)
}, 30_000)
afterAll(() => rmSync(root, { recursive: true, force: true }))

// A template has any shape; what is not there makes the test fail.
// oxlint-disable-next-line typescript/no-explicit-any -- see above
type Loose = any

let copies = 0

/** Starts the stack with one change to the function. */
async function start(change: (properties: Loose) => void = () => {}, records?: EventEmitter): Promise<Stack> {
  const dir = join(root, `copy-${copies++}`)
  cpSync(made, dir, { recursive: true })
  const file = join(dir, 'weather-prod-lambda.template.json')
  const template = JSON.parse(readFileSync(file, 'utf8')) as { Resources: Record<string, Loose> }
  for (const { Type, Properties } of Object.values(template.Resources))
    if (Type === 'AWS::Lambda::Function') change(Properties)
  writeFileSync(file, JSON.stringify(template))
  return startFrom(dir, dir, records)
}

async function startFrom(dir: string, template: string, records?: EventEmitter): Promise<Stack> {
  const { project: read, deployed } = await fromTemplate({ ...project, dir }, template)
  return startStack(read, { port: 0, deployed, onRequest: ({ code }) => code && records?.emit(code) })
}

const call = async (stack: Stack, query = '', who = 'agent') => {
  const credentials = stack.identities.find(({ name }) => name === who)!
  const send = sigv4Fetch({ credentials, service: 'lambda', region: 'us-east-1' })
  return send(`${stack.endpoints.lambda!.url}${query}`, {
    method: 'POST',
    body: '{"über":1}',
    headers: { 'x-own': 'b' },
  })
}

describe.skipIf(!python)('a function in Python from its template', () => {
  let stack: Stack
  // By the code that a request is recorded with.
  const records = new EventEmitter()
  beforeAll(async () => {
    stack = await start((properties) => (properties.Timeout = 2), records)
  })
  afterAll(() => stack.close())

  it('answers to the caller that the policy lets in, as behind the Lambda Web Adapter', async () => {
    const answer = await call(stack, '?a=1')
    expect([answer.status, answer.headers.get('set-cookie')]).toEqual([200, 'a=1'])
    const { path, headers, body, cwd } = (await answer.json()) as Loose
    expect([path, body]).toEqual(['/rpc?a=1', '{"über":1}'])
    expect(cwd).toMatch(/asset\.[0-9a-f]+\/project\/app$/)
    expect(headers).toMatchObject({ Host: `127.0.0.1:${port}`, 'x-own': 'b', 'content-length': '11' })
    expect(JSON.parse(headers['x-amzn-request-context'] as string)).toMatchObject({ http: { path: '/rpc' } })
    expect(JSON.parse(headers['x-amzn-lambda-context'] as string)).toMatchObject({
      invoked_function_arn: 'arn:aws:lambda:us-east-1:000000000000:function:weather',
    })
    const empty = await call(stack, '?empty')
    expect([empty.status, await empty.text()]).toEqual([202, ''])
    const denied = once(records, 'IAM_DENIED')
    expect((await call(stack, '', 'stranger')).status).toBe(403)
    await denied
  })

  it('streams, takes calls at once, has the timeout of the template, and is up again after it has ended', async () => {
    const [timeout, crash] = [once(records, 'LAMBDA_TIMEOUT'), once(records, 'LAMBDA_CRASHED')]
    const late = call(stack, '?hang')
    const stream = (await call(stack, '?stream')).body!.getReader()
    const pieces = [Buffer.from((await stream.read()).value ?? '').toString()]
    await call(stack, '?end')
    for (let each; !(each = await stream.read()).done;) pieces.push(Buffer.from(each.value).toString())
    expect(pieces).toEqual(['one ', 'two'])
    expect((await late).status).toBe(502)
    await timeout
    expect((await call(stack, '?exit')).status).toBe(502)
    await crash
    expect((await call(stack)).status).toBe(200)
  })

  it('has the port of the template alone', async () => {
    await expect(start()).rejects.toMatchObject({ code: 'PORT_IN_USE' })
  })
})

describe.skipIf(!python)('a function in Python from a template of AWS SAM', () => {
  it('answers', async () => {
    const stack = await startFrom(sam, join(sam, 'template.yaml'))
    expect((await call(stack)).status).toBe(200)
    await stack.close()
  })
})

describe.skipIf(!python)('a mistake in the template of a function in Python', () => {
  it('in the invoke mode of the adapter gives the envelope to the client', async () => {
    const stack = await start(({ Environment }) => (Environment.Variables.AWS_LWA_INVOKE_MODE = 'buffered'))
    expect(await (await call(stack)).json()).toMatchObject({ statusCode: 200, isBase64Encoded: true })
    // In base64 that is more than Lambda takes.
    expect((await call(stack, '?large')).status).toBe(502)
    await stack.close()
  })

  it.each<[string, (properties: Loose) => void, object]>([
    [
      'without the layer',
      (properties) => delete properties.Layers,
      {
        code: 'TEMPLATE_NOT_RUNNABLE',
        message: expect.stringContaining('no layer of the function has /opt/bootstrap'),
      },
    ],
    [
      'without the adapter',
      ({ Environment }) => delete Environment.Variables.AWS_LAMBDA_EXEC_WRAPPER,
      { code: 'TEMPLATE_NOT_RUNNABLE', message: expect.stringContaining('python3.13 is not run here') },
    ],
    [
      'without the adapter’s port',
      ({ Environment }) => delete Environment.Variables.AWS_LWA_PORT,
      { code: 'SERVER_THROWS', message: expect.stringContaining('usage: localhost.py') },
    ],
    [
      'with a package that is not for this machine',
      ({ Environment }) => (Environment.Variables.ABSENT = '1'),
      {
        code: 'SERVER_THROWS',
        message: expect.stringContaining("No module named 'absent'"),
        fix: expect.stringContaining('install it for this machine'),
      },
    ],
    [
      'with another handler',
      (properties) => (properties.Handler = 'start.sh'),
      { code: 'SERVER_THROWS', message: expect.stringContaining('ENOENT') },
    ],
  ])('%s does not start', async (_what, change, expected) => {
    await expect(start(change)).rejects.toMatchObject(expected)
  })
})
