import { existsSync, readFileSync, statSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { dirname, join } from 'node:path'
import { Client } from '@modelcontextprotocol/client'
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { bin, copyProject, fairlead, startDev, type RunningDev } from './support.ts'

const server = (word: string) => `
import { McpServer } from '@modelcontextprotocol/server'
import * as z from 'zod'
const input = z.object({ word: z.string() })
export default () => {
  const server = new McpServer({ name: 'hello', version: '1.0.0' })
  server.registerTool('say', { inputSchema: input }, async ({ word }) => ({ content: [{ type: 'text', text: '${word} ' + word }] }))
  server.registerTool('refuse', { inputSchema: z.object({}) }, async () => ({ isError: true, content: [{ type: 'text', text: 'not today' }] }))
  return server
}
`
const config = `export default { name: 'hello', server: { kind: 'module', entry: './server.ts' }, platforms: { lambda: {} } }`

let project: Awaited<ReturnType<typeof copyProject>>
let dev: RunningDev

beforeAll(async () => {
  project = await copyProject('none')
  await writeFile(join(project.dir, 'server.ts'), server('hello'))
  await writeFile(join(project.dir, 'fairlead.config.ts'), config)
  dev = await startDev(project.dir)
}, 30_000)

afterAll(async () => {
  await dev?.stop()
  await project?.remove()
})

const cli = (...args: string[]) => fairlead(args, { cwd: project.dir })

describe('fairlead dev', () => {
  it('writes local.json with what it prints, for its owner alone', () => {
    const file = join(project.dir, '.fairlead/local.json')
    expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual(dev.state)
    expect(statSync(file).mode & 0o777).toBe(0o600)
    expect(dev.state.endpoints.lambda).toMatchObject({ auth: 'iam', service: 'lambda', region: 'us-east-1' })
    expect(dev.state.endpoints.lambda!.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/mcp$/)
    expect(dev.state.identities.iam.map(({ name }) => name)).toEqual(['agent', 'stranger'])
  })

  it('answers a signed call', async () => {
    const { code, stdout } = await cli('call', 'say', 'word=there')
    expect({ code, stdout }).toEqual({ code: 0, stdout: 'hello there\n' })
  })

  it.each(['auto', 'legacy', 'modern'])('lists the tools as signatures in the %s era', async (era) => {
    const { code, stdout } = await cli('tools', '--era', era)
    expect(code).toBe(0)
    expect(stdout).toContain('say(word: string)')
  })

  it('refuses the stranger, with the cause on its own side', async () => {
    const { code, stderr } = await cli('call', 'say', 'word=x', '--as', 'stranger')
    expect(code).toBe(3)
    expect(stderr).toMatch(
      /^ACCESS_DENIED .*403\n {2}Why {3}.*\n {2}Fix {3}.*\n {2}Docs {2}docs\/errors\/ACCESS_DENIED\.md\n$/,
    )
    await dev.said(/403 {2}lambda {2}POST \/mcp.*\n {5}[A-Z_0-9]+ {2}\S+/)
  })

  it('ends a tool’s own error with 5, and a wrong call with 2', async () => {
    expect(await cli('call', 'refuse')).toMatchObject({ code: 5, stdout: '' })
    const json = JSON.parse((await cli('call', 'refuse', '--json')).stdout) as { ok: boolean; error: { code: string } }
    expect(json).toMatchObject({ ok: false, error: { code: 'TOOL_FAILED', message: 'not today' } })
    expect((await cli('call', 'sey', 'word=x')).stderr).toContain('did you mean say?')
    expect((await cli('call', 'say', 'wrod=x')).stderr).toContain('did you mean `word`?')
    expect((await cli('call', 'say', 'word=x', '--as', 'agnet')).code).toBe(2)
    expect((await cli('tools', '--on', 'lamda')).stderr).toContain('did you mean lambda?')
  })

  it('prints exactly one object with --json, also for an error', async () => {
    const good = await cli('call', 'say', 'word=there', '--json')
    expect(JSON.parse(good.stdout)).toMatchObject({ ok: true, data: { content: [{ text: 'hello there' }] } })
    const bad = await cli('tools', '--nonsense', '--json')
    expect(bad.code).toBe(2)
    expect(JSON.parse(bad.stdout)).toMatchObject({ ok: false, error: { code: 'USAGE' } })
    expect(bad.stdout.trim().split('\n')).toHaveLength(1)
  })

  it('refuses a second stack of the same project and leaves the first alone', async () => {
    const second = await cli('dev', '--port', '0')
    expect(second.code).toBe(2)
    expect(second.stderr).toContain('STACK_ALREADY_RUNNING')
    expect((await cli('tools')).code).toBe(0)
  })

  it('builds again when the source changes, and goes on with the old version when that fails', async () => {
    await writeFile(join(project.dir, 'server.ts'), server('moin'))
    await dev.said(/reloaded in/)
    expect((await cli('call', 'say', 'word=x')).stdout).toBe('moin x\n')
    await writeFile(join(project.dir, 'notes.txt'), 'not a source')
    await writeFile(join(project.dir, 'server.ts'), 'export default (')
    await dev.said(/The version from before goes on/)
    expect((await cli('call', 'say', 'word=x')).stdout).toBe('moin x\n')
    await writeFile(join(project.dir, 'server.ts'), server('again'))
    await dev.said(/reloaded in[^]*reloaded in/)
    expect((await cli('call', 'say', 'word=x')).stdout).toBe('again x\n')
  }, 30_000)

  it('keeps the figures of its requests, and none of their secrets', async () => {
    const { url, token } = dev.state.control
    const answer = await fetch(`${url}/api/requests`, { headers: { authorization: `Bearer ${token}` } })
    const text = await answer.text()
    const { requests } = JSON.parse(text) as { requests: { status: number; tool?: string }[] }
    expect(requests.some(({ status, tool }) => status === 200 && tool === 'say')).toBe(true)
    expect(requests.some(({ status }) => status === 403)).toBe(true)
    for (const { secretAccessKey, sessionToken } of dev.state.identities.iam) {
      expect(text).not.toContain(secretAccessKey)
      if (sessionToken) expect(text).not.toContain(sessionToken)
    }
  })
})

describe('fairlead dev, ending', () => {
  it('ends on SIGTERM with 0 and on Ctrl-C with 130, in the middle of a call too, and leaves nothing behind', async () => {
    const own = await copyProject('none')
    await writeFile(
      join(own.dir, 'server.ts'),
      server('x').replace('async ({ word }) =>', "async ({ word }) => word === 'never' ? new Promise(() => {}) :"),
    )
    await writeFile(join(own.dir, 'fairlead.config.ts'), config)
    const first = await startDev(own.dir)
    expect(await first.stop('SIGTERM')).toBe(0)
    const second = await startDev(own.dir, ['--port', '0', '--verbose'])
    const hanging = fairlead(['call', 'say', 'word=never'], { cwd: own.dir })
    await untilKept(second, 'START')
    expect(await second.stop('SIGINT')).toBe(130)
    expect((await hanging).code).not.toBe(0)
    expect(existsSync(join(own.dir, '.fairlead/local.json'))).toBe(false)
    expect((await fairlead(['tools'], { cwd: own.dir })).stderr).toContain('STACK_NOT_RUNNING')
    await own.remove()
  }, 30_000)

  it('takes one Ctrl-C as one, though npm, its shell and the terminal each send it', async () => {
    const own = await copyProject('none')
    await writeFile(join(own.dir, 'fairlead.config.ts'), config)
    await writeFile(join(own.dir, 'server.ts'), server('one'))
    const running = await startDev(own.dir)
    running.child.kill('SIGINT')
    // The second arrives while the first is being acted on.
    setTimeout(() => running.child.kill('SIGINT'), 20)
    // One that comes when everything is done already ends a process that is ending: null is that.
    expect([130, null]).toContain(await running.stop('SIGINT'))
    expect(existsSync(join(own.dir, '.fairlead/local.json'))).toBe(false)
    await own.remove()
  })

  it.skipIf(process.platform !== 'linux')('leaves no process behind when it is killed outright', async () => {
    const own = await copyProject('none')
    await writeFile(join(own.dir, 'fairlead.config.ts'), config)
    await writeFile(
      join(own.dir, 'server.ts'),
      server('${process.pid}').replaceAll("text: '${process.pid} ' + word", 'text: `${process.pid}`'),
    )
    const running = await startDev(own.dir)
    const pid = Number((await fairlead(['call', 'say', 'word=x'], { cwd: own.dir })).stdout)
    expect(pid).toBeGreaterThan(1)
    await running.stop('SIGKILL')
    await expect.poll(() => existsSync(`/proc/${pid}`), { timeout: 5000 }).toBe(false)
    expect((await fairlead(['tools'], { cwd: own.dir })).code).toBe(4)
    await own.remove()
  })

  it('lists the faults, and refuses one that is not there', async () => {
    const list = await cli('dev', '--fault', 'list')
    expect(list.code).toBe(0)
    expect(list.stdout).toMatch(/session-busy \(agentcore-runtime\)\n {2}Every other call/)
    const unknown = await cli('dev', '--fault', 'session-bussy')
    expect(unknown.code).toBe(2)
    expect(unknown.stderr).toContain('did you mean session-busy?')
  })

  it('names a port that is taken and what to do', async () => {
    const taken = createServer()
    await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve))
    const { port } = taken.address() as { port: number }
    const own = await copyProject('none')
    await writeFile(join(own.dir, 'server.ts'), server('x'))
    await writeFile(join(own.dir, 'fairlead.config.ts'), config)
    const { code, stderr } = await fairlead(['dev', '--port', String(port - 1)], { cwd: own.dir })
    expect(code).toBe(2)
    expect(stderr).toContain(`Port ${port} on 127.0.0.1 is taken`)
    expect(stderr).toContain('--port')
    taken.close()
    await own.remove()
  })
})

describe('a project that is wrong', () => {
  it.each([
    ['no configuration', {}, 'CONFIG_NOT_FOUND'],
    ['a wrong key', { 'fairlead.config.ts': config.replace('platforms', 'platfroms') }, 'did you mean `platforms`?'],
    ['a configuration that throws', { 'fairlead.config.ts': "throw new Error('broken')" }, 'CONFIG_UNREADABLE'],
    [
      'a package that says commonjs, as npm init writes it',
      { 'fairlead.config.ts': `import 'node:os'\n${config}`, 'package.json': '{"type": "commonjs"}' },
      'npm pkg set type=module',
    ],
    [
      'a package that is imported, which is another’s',
      {
        'fairlead.config.ts': `import './other/index.js'\n${config}`,
        'other/index.js': 'export default 1',
        'other/package.json': '{"type": "commonjs"}',
        'package.json': '{"type": "module"}',
      },
      'Fix   Correct the file',
    ],
    ['no server file', { 'fairlead.config.ts': config }, 'server.ts'],
    [
      'a server that throws',
      { 'fairlead.config.ts': config, 'server.ts': "throw new Error('no database')" },
      'no database',
    ],
    [
      'a server without a default export',
      { 'fairlead.config.ts': config, 'server.ts': 'export const a = 1' },
      'SERVER_',
    ],
    [
      'a default export that is no factory',
      { 'fairlead.config.ts': config, 'server.ts': 'export default 5' },
      'SERVER_NO_FACTORY',
    ],
    [
      'a server that never comes up',
      { 'fairlead.config.ts': config, 'server.ts': 'export default await new Promise(() => {})' },
      'SERVER_SILENT',
    ],
    [
      'a command that is not there',
      {
        'fairlead.config.ts': config.replace(
          "{ kind: 'module', entry: './server.ts' }",
          "{ kind: 'stdio', command: 'no-such-command' }",
        ),
      },
      'no-such-command',
    ],
    ['a syntax error', { 'fairlead.config.ts': config, 'server.ts': 'export default (' }, 'server.ts:1'],
  ])('gets a coded error and no stack: %s', async (_name, files, said) => {
    const own = await copyProject('none')
    for (const [name, text] of Object.entries(files)) {
      await mkdir(dirname(join(own.dir, name)), { recursive: true })
      await writeFile(join(own.dir, name), text)
    }
    const { code, stderr } = await fairlead(['dev', '--port', '0', '--project', '.'], { cwd: own.dir })
    expect(stderr).toContain(said)
    expect(stderr).toMatch(/ {2}Fix {3}/)
    expect(stderr).not.toMatch(/\n\s+at /)
    expect(code).toBe(2)
    await own.remove()
  })
})

describe('fairlead stdio', () => {
  it('serves on stdin and stdout, and keeps what the server prints off the protocol', async () => {
    const own = await copyProject('none')
    await writeFile(
      join(own.dir, 'server.ts'),
      `console.log('at import')\n${server('hello').replace('async ({ word }) =>', "async ({ word }) => console.log('in a call') ??")}`,
    )
    await writeFile(join(own.dir, 'fairlead.config.ts'), config)
    const transport = new StdioClientTransport({
      command: process.execPath,
      args: [bin, 'stdio'],
      cwd: own.dir,
      stderr: 'pipe',
    })
    const client = new Client({ name: 'test', version: '1' })
    await client.connect(transport)
    expect(await client.callTool({ name: 'say', arguments: { word: 'there' } })).toMatchObject({
      content: [{ text: 'hello there' }],
    })
    await client.close()
    await own.remove()
  })
})

/** Waits until the function has begun on a call, as its log says. */
async function untilKept(running: RunningDev, word: string): Promise<void> {
  await running.said(new RegExp(word))
}
