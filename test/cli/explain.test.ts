import { readFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { sigv4Fetch } from '../../src/auth/sigv4/fetch.ts'
import { copyProject, fairlead, startDev, type RunningDev } from './support.ts'

const server = `
import { McpServer } from '@modelcontextprotocol/server'
import * as z from 'zod'
export default () => {
  const server = new McpServer({ name: 'hello', version: '1.0.0' })
  server.registerTool('say', { description: 'Says it.', inputSchema: z.object({ word: z.string() }) }, async ({ word }) => ({ content: [{ type: 'text', text: word }] }))
  return server
}
`
const config = `export default { name: 'hello', server: { kind: 'module', entry: './server.ts' }, platforms: { lambda: {}, 'agentcore-runtime': {} } }`

let project: Awaited<ReturnType<typeof copyProject>>
let dev: RunningDev
const cli = (...args: string[]) => fairlead(args, { cwd: project.dir })
const file = async (name: string, text: string) => {
  await writeFile(join(project.dir, name), text)
  return name
}

beforeAll(async () => {
  project = await copyProject('none')
  await file('server.ts', server)
  await file('fairlead.config.ts', config)
  dev = await startDev(project.dir, ['--port', '0', '--fault', 'host-rewritten'])
}, 30_000)

afterAll(async () => {
  await dev?.stop()
  await project?.remove()
})

describe('fairlead dev --fault', () => {
  it('lists the faults, with a sentence each', async () => {
    const { code, stdout } = await cli('dev', '--fault', 'list')
    expect(code).toBe(0)
    expect(stdout).toMatch(/host-rewritten \(iam\)\n {2}A proxy puts its own name into Host/)
  })

  it('refuses a fault that is none, and names the nearest', async () => {
    const { code, stderr } = await cli('dev', '--fault', 'host-rewriten')
    expect(code).toBe(2)
    expect(stderr).toContain('did you mean host-rewritten?')
  })
})

describe('fairlead explain', () => {
  it('names the cause from a second terminal, with the difference and the fix', async () => {
    expect((await cli('tools')).code).toBe(3)
    const { code, stdout } = await cli('explain', '--last')
    expect(code).toBe(6)
    expect(stdout).toMatch(/^403 SIGV4_MISMATCH {3}POST \/mcp on lambda/)
    expect(stdout).toMatch(/host-rewritten, proved/)
    expect(stdout).toMatch(/- client {2}host:\w+\.example\.com\n {8}\+ server {2}host:127\.0\.0\.1\n/)
    expect(stdout).toMatch(/ {2}Fix {4}Do not forward another Host/)
    const { url, token } = dev.state.control
    const off = {
      method: 'POST',
      headers: { authorization: `Bearer ${token}` },
      body: '{"name":"host-rewritten","on":false}',
    }
    expect((await fetch(`${url}/api/faults`, off)).status).toBe(200)
    expect((await cli('tools')).code).toBe(0)
  })

  it('knows a request as soon as it was answered', async () => {
    const { headers } = await fetch(dev.state.endpoints.lambda!.url, { method: 'POST', body: '{}' })
    const { url, token } = dev.state.control
    await fetch(`${url}/api/requests/flush`, { method: 'POST', headers: { authorization: `Bearer ${token}` } })
    const kept = readFileSync(join(project.dir, '.fairlead/requests.jsonl'), 'utf8')
    expect(kept).toContain(headers.get('x-amzn-requestid'))
  })

  it('explains a request that was let in, by the end of its id', async () => {
    await cli('explain')
    const kept = readFileSync(join(project.dir, '.fairlead/requests.jsonl'), 'utf8').trim().split('\n')
    const all = kept.map((line) => JSON.parse(line) as { id: string; status: number })
    const { id } = all.findLast(({ status }) => status === 200)!
    const { code, stdout } = await cli('explain', id.slice(-8), '--json')
    expect(code).toBe(0)
    expect(JSON.parse(stdout)).toMatchObject({ ok: true, data: { id, accepted: true, causes: [] } })
  })

  it('says who was refused by the policy, on the runtime too', async () => {
    await cli('tools', '--as', 'stranger', '--on', 'agentcore-runtime')
    const { stdout } = await cli('explain')
    expect(stdout).toContain('caller-not-granted, proved')
    expect(stdout.replaceAll(/\s+/g, ' ')).toContain('role/stranger asked for bedrock-agentcore:InvokeAgentRuntime')
  })

  it('reads a HAR file and a curl command, and signs nothing away', async () => {
    const { accessKeyId, secretAccessKey, sessionToken } = dev.state.identities.iam[0]!
    const { url } = dev.state.endpoints.lambda!
    let sent: Headers | undefined
    const capture = sigv4Fetch({
      credentials: { accessKeyId, secretAccessKey, sessionToken: sessionToken! },
      service: 'lambda',
      region: 'eu-west-1',
      fetch: async (_url, init) => {
        sent = new Headers(init?.headers)
        return new Response()
      },
    })
    await capture(url, { method: 'POST', body: '{"jsonrpc":"2.0"}', headers: { 'content-type': 'application/json' } })
    const headers = [...sent!]
    const text = `curl '${url}' ${headers.map(([name, value]) => `-H '${name}: ${value}'`).join(' ')} --data-raw '{"jsonrpc":"2.0"}'`
    const byCurl = await cli('explain', '--curl', await file('request.sh', text))
    expect(byCurl.stdout).toContain('wrong-region, proved')
    const request = {
      method: 'POST',
      url,
      headers: headers.map(([name, value]) => ({ name, value })),
      postData: { text: '{"jsonrpc": "2.0"}' },
    }
    const har = {
      log: { entries: [{ startedDateTime: new Date().toISOString(), request, response: { status: 403 } }] },
    }
    const byHar = await cli('explain', '--har', await file('all.har', JSON.stringify(har)), '--json')
    const { data } = JSON.parse(byHar.stdout) as { data: { causes: string[] } }
    expect(data.causes).toEqual(['wrong-region', 'body-reserialised'])
    for (const each of [byCurl.stdout, byHar.stdout]) expect(each).not.toContain(secretAccessKey)
  })

  it.each([
    ['a file that is no HAR', ['--har', 'server.ts'], 'CAPTURE_UNREADABLE'],
    ['a file that is not there', ['--curl', 'nowhere.sh'], 'CAPTURE_UNREADABLE'],
    ['an id that nobody has', ['ffffffffffff'], 'REQUEST_UNKNOWN'],
    ['two things at once', ['--last', '--har', 'all.har'], 'USAGE'],
  ])('refuses %s by its code', async (_name, args, code) => {
    const ran = await cli('explain', ...args)
    expect(ran.code).toBe(2)
    expect(ran.stderr).toContain(code)
  })
})

describe('fairlead doctor', () => {
  it('checks the platform that is named, and says when the stack does not run it', async () => {
    const { code, stdout } = await cli('doctor', '--platform', 'lambda')
    expect(stdout).toContain(dev.state.endpoints.lambda!.url)
    expect(code).toBe(0)
    expect((await cli('doctor', '--platform', 'agentcore-gateway')).stderr).toContain('STACK_NOT_RUNNING')
  })

  it('is green on the platforms of the stack, and writes JUnit', async () => {
    const { code, stdout } = await cli('doctor', '--junit', 'report.xml')
    expect(stdout).not.toContain('✗')
    expect(code).toBe(0)
    expect(readFileSync(join(project.dir, 'report.xml'), 'utf8')).toMatch(/<testsuite name="http.*failures="0">/)
  }, 60_000)

  it('fails with 6 where nothing answers, and prints one object', async () => {
    const { code, stdout } = await cli('doctor', 'http://127.0.0.1:9/mcp', '--json')
    expect(code).toBe(6)
    expect(JSON.parse(stdout)).toMatchObject({
      ok: true,
      data: { ok: false, findings: [{ id: 'reachable', ok: false }] },
    })
  })

  it('says what a client needs beside', async () => {
    const { stdout } = await cli('doctor', dev.state.endpoints.lambda!.url, '--client', 'claude-desktop', '--json')
    const { data } = JSON.parse(stdout) as { data: { findings: { id: string; ok: boolean }[] } }
    expect(data.findings.filter(({ ok }) => !ok).map(({ id }) => id)).toEqual(['client-remote', 'client-signs'])
  }, 60_000)

  it.each([
    ['a URL that is none', ['nonsense'], 'USAGE'],
    ['another scheme', ['file:///etc/passwd'], 'USAGE'],
    ['a client that is not known', ['--client', 'cursr'], 'did you mean cursor?'],
    ['a template that is YAML', ['--template', 'server.ts'], 'TEMPLATE_UNREADABLE'],
  ])('refuses %s', async (_name, args, said) => {
    const ran = await cli('doctor', ...args)
    expect(ran.code).toBe(2)
    expect(ran.stderr).toContain(said)
  })
})

describe('after the stack has ended', () => {
  it('explains what was kept', async () => {
    await dev.stop()
    const { stdout } = await cli('explain')
    // The last thing that was refused: the doctor sent too much.
    expect(stdout).toContain('413 LAMBDA_TOO_LARGE')
  })
})
