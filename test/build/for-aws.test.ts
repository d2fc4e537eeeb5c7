import { spawn, spawnSync } from 'node:child_process'
import { mkdir, mkdtemp, readFile, realpath, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { checkReproducible } from '../../src/build/build.ts'
import { buildForAws } from '../../src/build/for-aws.ts'
import type { FairleadConfig, Server } from '../../src/config.ts'
import type { Platform } from '../../src/platforms.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))

const python = spawnSync('python3', ['--version']).status === 0

let base: string
beforeEach(async () => (base = await realpath(await mkdtemp(join(tmpdir(), 'fairlead-for-aws-')))))
afterEach(() => rm(base, { recursive: true, force: true }))

async function project(files: Record<string, string>, name = 'project'): Promise<string> {
  const dir = join(base, name)
  for (const [file, text] of Object.entries(files)) {
    await mkdir(dirname(join(dir, file)), { recursive: true })
    await writeFile(join(dir, file), text)
  }
  return dir
}

const build = (projectDir: string, server: Server, platforms: FairleadConfig['platforms'] = { lambda: {} }) =>
  buildForAws({
    projectDir,
    config: { name: 'demo', server, platforms },
    outDir: join(base, 'out'),
    platforms: Object.keys(platforms) as Platform[],
  })

const stdioServer = `import { hello } from 'greeting'
process.stdin.setEncoding('utf8').on('data', (text) => {
  for (const line of text.split('\\n').filter(Boolean)) {
    const { id, method } = JSON.parse(line)
    const result = method === 'initialize'
      ? { protocolVersion: '2025-11-25', capabilities: { tools: {} }, serverInfo: { name: hello, version: '1' } }
      : { tools: [] }
    if (id !== undefined) console.log(JSON.stringify({ jsonrpc: '2.0', id, result }))
  }
})`

const withPackages = {
  'server.mjs': stdioServer,
  'package.json': JSON.stringify({
    type: 'module',
    dependencies: { greeting: '1' },
    devDependencies: { typescript: '5' },
  }),
  'node_modules/greeting/package.json': JSON.stringify({
    name: 'greeting',
    type: 'module',
    main: 'index.js',
    dependencies: { word: '1' },
  }),
  'node_modules/greeting/index.js': "import word from 'word'\nexport const hello = word",
  'node_modules/word/package.json': JSON.stringify({ name: 'word', type: 'module', main: 'index.js' }),
  'node_modules/word/index.js': "export default 'from a package'",
  'node_modules/typescript/package.json': '{}',
  'node_modules/typescript/index.js': '',
  '.env': 'SECRET=1',
  '.git/config': '',
  '.fairlead/local.json': '{}',
  'data/accounts.csv': 'id\n',
}

describe('what AWS gets of a command', () => {
  it('is its folder and the packages that it needs to run, and nothing that begins with a dot', async () => {
    const dir = await project(withPackages)
    const { files } = await build(dir, { kind: 'stdio', command: 'node', args: ['server.mjs'] })
    expect(files.map(({ name }) => name)).toEqual([
      'index.js',
      'package.json',
      'project/data/accounts.csv',
      'project/node_modules/greeting/index.js',
      'project/node_modules/greeting/package.json',
      'project/node_modules/word/index.js',
      'project/node_modules/word/package.json',
      'project/package.json',
      'project/server.mjs',
    ])
  })

  it('reads its settings on start when the server seals what it gives to its clients, and not otherwise', async () => {
    const text = async (code: string) => {
      const dir = await project({ 'server.ts': code })
      await rm(join(dir, 'node_modules'), { recursive: true, force: true })
      await symlink(join(root, 'node_modules'), join(dir, 'node_modules'))
      const artifact = await build(dir, { kind: 'module', entry: './server.ts' })
      return readFile(join(artifact.dir, 'index.js'), 'utf8')
    }
    const plain = await text("import { principalOf } from 'fairlead'\nexport default () => principalOf")
    expect([plain.includes('request-state'), plain.includes('WithDecryption')]).toEqual([false, false])
    const sealing = await text("import { requestState } from 'fairlead'\nexport default () => requestState")
    expect([sealing.includes('"request-state"'), sealing.includes('WithDecryption')]).toEqual([true, true])
  })

  it('runs by itself, away from the project', async () => {
    const dir = await project(withPackages)
    const artifact = await build(dir, { kind: 'stdio', command: 'node', args: ['server.mjs'] })
    await rm(dir, { recursive: true })
    expect(await initialize(join(artifact.dir, 'index.js'))).toContain('from a package')
  })

  it('has a package that npm put further up', async () => {
    await project({
      'node_modules/greeting/package.json': '{"name":"greeting"}',
      'tools/package.json': '{"dependencies":{"greeting":"1"}}',
      'tools/server.mjs': '',
    })
    const server: Server = { kind: 'stdio', command: 'node', args: ['server.mjs'], cwd: 'tools' }
    const { files } = await build(join(base, 'project'), server)
    expect(files.map(({ name }) => name)).toContain('project/tools/node_modules/greeting/package.json')
  })

  it('has the same digest from two folders, and another when a file changes', async () => {
    const server: Server = { kind: 'stdio', command: 'node', args: ['server.mjs'] }
    const config = { name: 'demo', server, platforms: { lambda: {} } }
    const digest = async (name: string, files: Record<string, string>) =>
      checkReproducible({ projectDir: await project(files, name), config }, buildForAws)
    const first = await digest('a', withPackages)
    expect(await digest('b', withPackages)).toBe(first)
    expect(await digest('c', { ...withPackages, 'data/accounts.csv': 'id\n1\n' })).not.toBe(first)
  })

  it('leaves nothing of the build before', async () => {
    const dir = await project({ 'server.mjs': '', 'old.txt': 'old' })
    const server: Server = { kind: 'stdio', command: 'node', args: ['server.mjs'] }
    await build(dir, server)
    await rm(join(dir, 'old.txt'))
    await build(dir, server)
    await expect(stat(join(base, 'out/project/old.txt'))).rejects.toThrow('ENOENT')
  })

  it('in Python has a script that starts it behind the Lambda Web Adapter', async () => {
    const own = {
      'app/server.py': '',
      'app/requirements.txt': 'mcp>=1.20\n',
      'app/package/mcp-1.26.0.dist-info/METADATA': '',
    }
    const server: Server = {
      kind: 'http',
      command: 'python',
      args: ['server.py', "it's"],
      cwd: 'app',
      env: { LEVEL: 'info' },
    }
    const built = async (name: string) => build(await project(own, name), server, { lambda: { runtime: 'python3.13' } })
    const { dir: out, files, digest } = await built('a')
    expect((await built('b')).digest).toBe(digest)
    expect(await readFile(join(out, 'run.sh'), 'utf8')).toBe(`#!/bin/sh
cd "$LAMBDA_TASK_ROOT/project/app" || exit 1
export PYTHONPATH="$LAMBDA_TASK_ROOT/project/app:$LAMBDA_TASK_ROOT/project/app/package\${PYTHONPATH:+:$PYTHONPATH}"
export LEVEL='info'
exec python3 -I -S "$LAMBDA_TASK_ROOT/localhost.py" "$AWS_LWA_PORT" "$PORT" 'python' 'server.py' 'it'\\''s'
`)
    expect((await stat(join(out, 'run.sh'))).mode & 0o777).toBe(0o755)
    expect(files.map(({ name }) => name).slice(-2)).toEqual(['run.sh', 'localhost.py'])
    expect(await readFile(join(out, 'localhost.py'), 'utf8')).toContain('posix_spawnp')
  })

  it.skipIf(!python)(
    'in Python starts in its folder, with the packages that go along, as the adapter starts it',
    async () => {
      const code = "import os, word\nprint(os.path.basename(os.getcwd()), word.said, os.environ['PORT'], flush=True)"
      const dir = await project({ 'app/server.py': code, 'app/package/word.py': "said = 'from a package'" })
      const server: Server = { kind: 'http', command: 'python3', args: ['server.py'], cwd: 'app' }
      const { dir: out } = await build(dir, server, { lambda: { runtime: 'python3.13' } })
      const env = {
        LAMBDA_TASK_ROOT: out,
        PORT: '8080',
        AWS_LWA_PORT: '0',
        PATH: process.env.PATH,
        HOME: process.env.HOME,
      }
      const { stdout } = spawnSync(join(out, 'run.sh'), { env, encoding: 'utf8', cwd: tmpdir() })
      expect(stdout).toBe('app from a package 8080\n')
    },
  )

  it.each([
    ["mcp = FastMCP('weather')", 1],
    ["mcp = FastMCP('weather', stateless_http=True)", 0],
    ['from other import app', 0],
  ])('in Python is warned of when it keeps sessions: %s', async (code, warnings) => {
    const dir = await project({ 'server.py': code, 'package/lib.py': "FastMCP('x')" })
    const server: Server = { kind: 'http', command: 'python', args: ['server.py'] }
    expect((await build(dir, server, { lambda: { runtime: 'python3.13' } })).warnings).toHaveLength(warnings)
  })

  it.each<[string, Server, Record<string, string>, string]>([
    ['a folder outside', { kind: 'stdio', command: 'node', cwd: '..' }, {}, 'outside of the project'],
    [
      'a file outside',
      { kind: 'stdio', command: 'node', args: ['../out.mjs'], cwd: 'in' },
      { 'in/a.mjs': '', 'out.mjs': '' },
      '../out.mjs',
    ],
    ['a folder that is not there', { kind: 'stdio', command: 'node', cwd: 'no' }, { 'a.mjs': '' }, 'no folder no'],
    [
      'a package that is not installed',
      { kind: 'stdio', command: 'node' },
      { 'package.json': '{"dependencies":{"absent":"1"}}' },
      'absent is not installed',
    ],
    [
      'a language that Lambda’s Node has not',
      { kind: 'http', command: 'python' },
      { 'a.py': '' },
      'there is no python',
    ],
  ])('is refused with %s', async (_what, server, files, said) => {
    const dir = await project({ 'x.txt': '', ...files })
    await expect(build(dir, server)).rejects.toMatchObject({
      code: 'COMMAND_FILES',
      message: expect.stringContaining(said) as string,
    })
  })

  it.each<[Platform, FairleadConfig['platforms'], boolean]>([
    ['fargate', { fargate: {} }, false],
    ['fargate', { fargate: { baseImage: 'registry.example/python-and-node:1' } }, true],
    ['agentcore-runtime', { 'agentcore-runtime': {} }, false],
    ['agentcore-runtime', { 'agentcore-runtime': { package: 'image', baseImage: 'r.example/both:1' } }, true],
    ['lambda', { lambda: { runtime: 'python3.13' } }, true],
  ])('is refused on %s where only Node is there (%#)', async (where, platforms, taken) => {
    const dir = await project({ 'server.py': '' })
    const built = build(dir, { kind: 'http', command: 'python', args: ['server.py'] }, platforms)
    if (taken) expect((await built).files.map(({ name }) => name)).toContain('project/server.py')
    else await expect(built).rejects.toMatchObject({ message: `On ${where} there is no python` })
  })

  it('is refused with Python packages that are not there, and the fix installs them', async () => {
    const dir = await project({
      'server.py': '',
      'requirements.txt': '# tools\nfastmcp==2.1 ; python_version > "3"\nhttpx\n',
    })
    const server: Server = { kind: 'http', command: 'python', args: ['server.py'] }
    await expect(build(dir, server, { lambda: { runtime: 'python3.13' } })).rejects.toMatchObject({
      code: 'COMMAND_FILES',
      message: expect.stringContaining('fastmcp, httpx') as string,
      fix: expect.stringContaining('--platform manylinux2014_aarch64') as string,
    })
  })

  it('is refused with a link that leads out', async () => {
    const dir = await project({ 'server.mjs': '' })
    await writeFile(join(base, 'secret.txt'), 's')
    await symlink(join(base, 'secret.txt'), join(dir, 'link.txt'))
    await expect(build(dir, { kind: 'stdio', command: 'node' })).rejects.toMatchObject({ code: 'COMMAND_FILES' })
  })
})

/** Runs an artifact as a process with nothing in its environment that says where a project is. */
async function initialize(file: string): Promise<string> {
  const child = spawn(process.execPath, [file], {
    env: { HOST: '127.0.0.1', PORT: '0', PATH: `${dirname(process.execPath)}:/usr/bin` },
    cwd: tmpdir(),
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const ended = new Promise((resolve) => child.on('exit', resolve))
  const { listening } = await new Promise<{ listening: string }>((resolve) =>
    child.stdout.once('data', (line: Buffer) => resolve(JSON.parse(line.toString()) as { listening: string })),
  )
  const response = await fetch(`${listening}/mcp`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'application/json, text/event-stream' },
    body: JSON.stringify({
      jsonrpc: '2.0',
      id: 1,
      method: 'initialize',
      params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 't', version: '1' } },
    }),
  })
  const text = await response.text()
  child.kill('SIGTERM')
  await ended
  return text
}
