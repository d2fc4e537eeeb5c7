import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { bin, type Ran } from '../cli/support.ts'
import { startFakeAws, type FakeAws } from './support/fake-aws/start.ts'
import { deployProject, type DeployProject } from './support/run.ts'

let project: DeployProject
let aws: FakeAws

beforeAll(async () => {
  project = await deployProject()
  aws = await startFakeAws()
})
afterAll(async () => {
  const { faults } = aws
  await aws.close()
  await project.remove()
  expect(faults).toEqual([])
})

/** A process of its own, as a person's terminal has it. */
function start(...args: string[]): { kill(signal: NodeJS.Signals): void; hangUp(): void; ended: Promise<Ran> } {
  const env = {
    ...process.env,
    ...aws.env,
    HOME: join(project.dir, 'home'),
    CDK_VALIDATION: 'false',
    FAIRLEAD_POLL_MS: '20',
  }
  const child = spawn(process.execPath, [bin, ...args], { cwd: project.dir, env, stdio: ['ignore', 'pipe', 'pipe'] })
  let [stdout, stderr] = ['', '']
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()))
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()))
  return {
    kill: (signal) => void child.kill(signal),
    hangUp: () => void child.stdout.destroy(),
    ended: new Promise((resolve) => child.on('close', (code) => resolve({ code, stdout, stderr }))),
  }
}

const stack = 'hello-default-lambda'

it('Ctrl-C in the middle says what goes on, and the same command again waits for it and goes on', async () => {
  const held = aws.hold('AWS::Lambda::Function')
  const first = start('deploy', '--yes', '--no-doctor')
  const letGo = await held
  first.kill('SIGINT')
  const { code, stdout, stderr } = await first.ended
  expect({ code, stdout }).toEqual({ code: 130, stdout: '' })
  expect(stderr).toContain('DEPLOY_INTERRUPTED  Interrupted while AWS was at work')
  expect(aws.stacks.get(stack)!.status).toBe('CREATE_IN_PROGRESS')

  aws.log.length = 0
  const second = start('deploy', '--yes', '--no-doctor')
  await aws.until(() => aws.log.some(({ operation }) => operation === 'DescribeStackEvents'))
  letGo()
  const again = await second.ended
  expect(again.stderr).toContain(`${stack} is CREATE_IN_PROGRESS, from a deployment before; waiting for it`)
  expect(again.stderr).toMatch(/CREATE_COMPLETE +AWS::Lambda::Function/)
  expect(again.stdout).toMatch(/^lambda {2}https:/)
  expect(again.code).toBe(0)
}, 60_000)

it('Ctrl-C while the endpoints are checked says that everything is deployed', async () => {
  const asked = Promise.withResolvers<void>()
  // It never answers.
  const endpoint = createServer(() => asked.resolve())
  await once(endpoint.listen(0, '127.0.0.1'), 'listening')
  const { outputs } = aws.stacks.get(stack)!
  const url = outputs['Url']!
  outputs['Url'] = `http://127.0.0.1:${(endpoint.address() as AddressInfo).port}/mcp`
  const running = start('deploy', '--yes')
  await asked.promise
  running.kill('SIGINT')
  const { code, stderr } = await running.ended
  endpoint.closeAllConnections()
  endpoint.close()
  outputs['Url'] = url
  expect(stderr).toContain('DEPLOY_INTERRUPTED  Everything is deployed; interrupted while the endpoints were checked')
  expect(code).toBe(130)
}, 60_000)

it('logs --follow shows lines of new streams as they come, and Ctrl-C ends it with 130', async () => {
  const group = aws.stacks.get(stack)!.outputs['LogGroup']!
  const at = Date.now()
  aws.logGroups.set(group, [{ stream: 'first', at, message: 'one\n' }])
  const asked = () => aws.log.filter(({ operation }) => operation === 'FilterLogEvents').length
  const running = start('logs', '--follow')
  await aws.until(() => asked() > 0)
  aws.logGroups.get(group)!.push({ stream: 'second', at: at + 1, message: 'two\n' })
  const now = asked()
  await aws.until(() => asked() > now + 1)
  running.kill('SIGINT')
  const { code, stdout, stderr } = await running.ended
  const time = (ms: number) => new Date(ms).toISOString()
  expect({ code, stdout, stderr }).toEqual({
    code: 130,
    stdout: `${time(at)}  one\n${time(at + 1)}  two\n`,
    stderr: '',
  })
}, 60_000)

it('logs --follow ends quietly when nobody reads it any more, as with head', async () => {
  const lines = aws.logGroups.get(aws.stacks.get(stack)!.outputs['LogGroup']!)!
  const asked = () => aws.log.filter(({ operation }) => operation === 'FilterLogEvents').length
  const now = asked()
  const running = start('logs', '--follow')
  await aws.until(() => asked() > now + 1)
  running.hangUp()
  lines.push({ stream: 'third', at: Date.now(), message: 'three\n' })
  expect(await running.ended).toMatchObject({ code: 0, stderr: '' })
}, 60_000)

it.skipIf(!existsSync('/usr/bin/script'))(
  'on a terminal, destroy asks for the name of the environment, and takes no other answer',
  async () => {
    const env = {
      ...process.env,
      ...aws.env,
      HOME: join(project.dir, 'home'),
      CDK_VALIDATION: 'false',
      FAIRLEAD_POLL_MS: '20',
    }
    const answer = async (text: string): Promise<string> => {
      const child = spawn('/usr/bin/script', ['-qec', `${process.execPath} ${bin} destroy`, '/dev/null'], { cwd: project.dir, env, stdio: ['pipe', 'pipe', 'inherit'] }) // prettier-ignore
      let said = ''
      child.stdout.on('data', (chunk: Buffer) => {
        if (!said.includes('to destroy it:') && `${said}${chunk.toString()}`.includes('to destroy it:'))
          child.stdin.write(text)
        said += chunk.toString()
      })
      await once(child, 'close')
      return said
    }
    expect(await answer('\u0003')).toContain('DEPLOY_INTERRUPTED  Interrupted before anything was changed')
    expect(await answer('y\r')).toContain('NOT_CONFIRMED  It was not confirmed, so nothing was changed')
    expect(aws.stacks.get(stack)!.status).toBe('CREATE_COMPLETE')
    expect(await answer('default\r')).toContain(`Destroyed: ${stack}`)
    expect(aws.stacks.get(stack)!.status).toBe('DELETE_COMPLETE')
  },
  60_000,
)

it('Ctrl-C before anything says that nothing was changed, and --json says it in one object', async () => {
  let reached = () => {}
  const asked = new Promise<void>((resolve) => (reached = resolve))
  aws.switches.waiting = { key: 'sts.GetCallerIdentity', reached }
  const running = start('destroy', '--yes', '--json')
  await asked
  running.kill('SIGINT')
  const { code, stdout } = await running.ended
  expect(code).toBe(130)
  expect(JSON.parse(stdout)).toMatchObject({
    ok: false,
    error: { code: 'DEPLOY_INTERRUPTED', message: 'Interrupted before anything was changed' },
  })
}, 60_000)
