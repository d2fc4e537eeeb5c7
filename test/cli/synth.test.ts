import { execFile as execFileCallback } from 'node:child_process'
import { existsSync } from 'node:fs'
import { createHash } from 'node:crypto'
import { chmod, cp, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { pinMadeUpBase } from '../support/pinned-base.ts'
import { bin, copyProject, fairlead } from './support.ts'

const execFile = promisify(execFileCallback)

const config = `export default {
  name: 'demo',
  server: { kind: 'module', entry: './server.ts' },
  callers: ['arn:aws:iam::111122223333:role/agent', 'arn:aws:iam::000000000000:role/agent-execution-role'],
  platforms: { lambda: {} },
  environments: {
    dev: { account: '111122223333', region: 'eu-west-1' },
    prod: { account: '444455556666', region: 'us-east-1', config: { platforms: { lambda: { memoryMb: 2048 } } } },
    all: { account: '111122223333', region: 'us-east-1', config: {
      scopes: { read: { description: 'Read' } },
      baseScopes: ['read'],
      platforms: {
        lambda: { auth: 'oauth' },
        fargate: {},
        'agentcore-runtime': { package: 'image' },
        'agentcore-gateway': { gateway: './gateway.json', targets: [], deployAs: 'lambda' },
      },
    } },
  },
}`
const server = `import { McpServer } from '@modelcontextprotocol/server'
export default () => new McpServer({ name: 'demo', version: '1.0.0' })`

const gateway = JSON.stringify({ name: 'shop', roleArn: 'arn:aws:iam::111122223333:role/x', authorizerType: 'AWS_IAM' })

/** The bytes of every file of a folder, summed up, and the modes that files have. */
async function everythingIn(dir: string): Promise<{ files: Record<string, string>; mode: string[] }> {
  const modes = new Set<string>()
  const files: Record<string, string> = {}
  for (const name of (await readdir(dir, { recursive: true })).toSorted()) {
    const [path, facts] = [join(dir, name), await stat(join(dir, name))]
    if (facts.isDirectory()) continue
    if (name.includes('/')) modes.add((facts.mode & 0o777).toString(8))
    const bytes = await readFile(path)
    files[name] = name.endsWith('.json') ? bytes.toString() : createHash('sha256').update(bytes).digest('hex')
  }
  return { files, mode: [...modes] }
}

type Project = Awaited<ReturnType<typeof copyProject>>
let projects: Project[]
const open = async () => {
  const project = await copyProject('none')
  await writeFile(join(project.dir, 'fairlead.config.ts'), config)
  await writeFile(join(project.dir, 'server.ts'), server)
  await writeFile(join(project.dir, 'gateway.json'), gateway)
  return project
}

beforeAll(async () => void (projects = [await open(), await open()]))
afterAll(() => Promise.all(projects.map((each) => each.remove())))

const synth = (args: string[], project = projects[0]!) => fairlead(['synth', ...args], { cwd: project.dir })
const dataOf = ({ stdout }: { stdout: string }) => (JSON.parse(stdout) as { data: Record<string, unknown> }).data
const errorOf = ({ stdout }: { stdout: string }) =>
  (JSON.parse(stdout) as { error: { code: string; message: string; fix: string } }).error

describe('fairlead synth', { timeout: 60_000 }, () => {
  it('writes the template of an environment, checks it when it is asked to, and says what is in it', async () => {
    const ran = await synth(['--env', 'prod', '--validate', '--json'])
    expect(dataOf(ran)).toMatchObject({
      format: 'cdk',
      dir: expect.stringMatching(/\.fairlead\/cdk\.out$/) as string,
      environment: 'prod',
      account: '444455556666',
      region: 'us-east-1',
      stacks: [
        {
          name: 'demo-prod-lambda',
          platform: 'lambda',
          resources: {
            'AWS::IAM::Policy': 1,
            'AWS::IAM::Role': 1,
            'AWS::Lambda::Function': 1,
            'AWS::Lambda::Permission': 2,
            'AWS::Lambda::Url': 1,
            'AWS::Logs::LogGroup': 1,
          },
        },
      ],
    })
    expect(ran.stderr).toContain('role/agent-execution-role is not deployed')
    const template = await readFile(join(projects[0]!.dir, '.fairlead/cdk.out/demo-prod-lambda.template.json'), 'utf8')
    expect(template).toContain('"MemorySize": 2048')
    expect(existsSync(join(projects[0]!.dir, '.fairlead/cdk.out/validation-report.json'))).toBe(true)
  })

  it('gives the same bytes of all stacks and artifacts from two folders, whatever umask, times, modes, language and zone are', async () => {
    const [here, there] = projects as [Project, Project]
    for (const { dir } of projects) pinMadeUpBase(dir)
    for (const name of ['server.ts', 'gateway.json', 'fairlead.config.ts', 'fairlead.lock.json']) {
      await utimes(join(there.dir, name), 1, 1)
      await chmod(join(there.dir, name), 0o600)
    }
    const all = [bin, 'synth', '--env', 'all', '--json']
    const other = { TZ: 'Pacific/Kiritimati', LANG: 'tr_TR.UTF-8', LC_ALL: 'tr_TR.UTF-8', UMASK: '077' }
    const outs = await Promise.all(
      [[here, { UMASK: '022' }] as const, [there, other] as const].map(async ([{ dir }, own]) => {
        const env = { ...process.env, ...own }
        const words = ['-c', 'umask $UMASK; exec "$0" "$@"', process.execPath, ...all]
        const { stdout } = await execFile('/bin/sh', words, { cwd: dir, env })
        return (JSON.parse(stdout) as { data: { dir: string; stacks: { platform: string }[] } }).data
      }),
    )
    const parts = ['authorization', 'lambda', 'fargate', 'agentcore-runtime', 'agentcore-gateway']
    expect(outs[0]!.stacks.map(({ platform }) => platform)).toEqual(parts)
    const [one, two] = await Promise.all(outs.map(({ dir }) => everythingIn(dir)))
    expect(two).toEqual(one)
    const { mode, files } = one!
    const folders = (kind: RegExp) => new Set(Object.keys(files).flatMap((name) => kind.exec(name)?.[0] ?? []))
    // The server, the gateway and the authorization service, and what is in the image.
    expect(folders(/^asset\.[0-9a-f]{64}(?=\/index\.js$)/).size).toBeGreaterThanOrEqual(3)
    expect(folders(/^image\.[0-9a-f]{64}/).size).toBeGreaterThanOrEqual(1)
    // A function runs as another user than the one that its zip was made by.
    expect(mode).toEqual(['644'])
    const texts = JSON.stringify(files)
    for (const { dir } of projects) expect(texts).not.toContain(dir)
  }, 60_000)

  it('writes a template of AWS SAM, and leaves what sam deploy wrote beside it', async () => {
    const settings = join(projects[0]!.dir, '.fairlead/sam/samconfig.toml')
    await mkdir(join(projects[0]!.dir, '.fairlead/sam/.aws-sam/build'), { recursive: true })
    await writeFile(settings, 'version = 0.1')
    const ran = await synth(['--env', 'dev', '--format', 'sam'])
    expect(ran.code).toBe(0)
    expect(ran.stdout).toContain('.fairlead/sam   dev')
    const template = parse(await readFile(join(projects[0]!.dir, '.fairlead/sam/template.yaml'), 'utf8')) as object
    expect(template).toHaveProperty('Transform', 'AWS::Serverless-2016-10-31')
    expect(existsSync(join(projects[0]!.dir, '.fairlead/sam/server/index.js'))).toBe(true)
    expect(await readFile(settings, 'utf8')).toBe('version = 0.1')
    // Else sam deploy would go on with what it built before.
    expect(existsSync(join(projects[0]!.dir, '.fairlead/sam/.aws-sam'))).toBe(false)
  })

  it.each([
    [[], 'USAGE', 'Which environment? There are dev, prod, all'],
    [
      ['--env', 'dev', '--format', 'sam', '--platform', 'fargate'],
      'USAGE',
      '--format sam is for lambda, not for fargate',
    ],
    [['--env', 'dev', '--format', 'terraform'], 'USAGE', 'There is no format terraform'],
    [['--env', 'dev', '--out', '.'], 'USAGE', 'has something else in it: '],
  ])('refuses what it cannot do (%#)', async (args, code, message) => {
    const ran = await synth([...args, '--json'])
    expect(ran.code).toBe(2)
    expect(errorOf(ran)).toMatchObject({ code, message: expect.stringContaining(message) as string })
  })
})

describe('without CDK', () => {
  it('synthesis says what to install, and everything else works', async () => {
    const root = fileURLToPath(new URL('../..', import.meta.url))
    const own = await mkdtemp(join(tmpdir(), 'fairlead-no-cdk-'))
    for (const name of ['bin', 'dist', 'package.json']) await cp(join(root, name), join(own, name), { recursive: true })
    await mkdir(join(own, 'node_modules'))
    for (const name of await readdir(join(root, 'node_modules')))
      if (!['aws-cdk-lib', 'constructs', '@aws-cdk'].includes(name))
        await symlink(join(root, 'node_modules', name), join(own, 'node_modules', name))
    const run = (args: string[]) =>
      execFile(process.execPath, [join(own, 'bin/fairlead.js'), ...args, '--project', projects[0]!.dir, '--json'])
        .then(({ stdout }) => stdout)
        .catch((error: { stdout: string }) => error.stdout)
    expect(errorOf({ stdout: await run(['synth', '--env', 'dev']) })).toMatchObject({
      code: 'CDK_MISSING',
      message: 'aws-cdk-lib is not installed',
    })
    expect(await run(['synth', '--env', 'dev', '--format', 'sam'])).toContain('"ok":true')
    expect(await run(['build'])).toContain('"ok":true')
    await rm(own, { recursive: true })
  }, 60_000)
})
