import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { copyProject, fairlead, sample, startDev, type RunningDev } from './support.ts'

/** A project whose only platform is the gateway: the commands that the terminal names find it. */
let project: Awaited<ReturnType<typeof copyProject>>
let dev: RunningDev

beforeAll(async () => {
  project = await copyProject(join(sample, '../brownfield'))
  const gateway = { name: 'shop', roleArn: 'arn:aws:iam::000000000000:role/shop', authorizerType: 'NONE' }
  await writeFile(join(project.dir, 'gateway.json'), JSON.stringify(gateway))
  const configured = { gateway: './gateway.json', targets: ['./orders.json'], bindings: './bindings.json' }
  const config = { name: 'shop', platforms: { 'agentcore-gateway': configured } }
  await writeFile(join(project.dir, 'fairlead.config.ts'), `export default ${JSON.stringify(config)}\n`)
  dev = await startDev(project.dir)
})
afterAll(async () => {
  await dev.stop()
  await project.remove()
})

it('tools, call and connect work on it without being told where', async () => {
  const tools = await fairlead(['tools'], { cwd: project.dir })
  expect(tools.stdout).toContain('orders___get_order(order_id: string)')
  const call = await fairlead(['call', 'orders___get_order', 'order_id=A-1001'], { cwd: project.dir })
  expect(call.stdout).toContain('A-1001')
  const entry = await fairlead(['connect', 'cursor'], { cwd: project.dir })
  expect(entry.stdout).toContain(dev.state.endpoints['agentcore-gateway']!.url)
})

it('a platform that does not run is named, with those that do', async () => {
  const { code, stderr } = await fairlead(['tools', '--on', 'lambda'], { cwd: project.dir })
  expect(code).toBe(4)
  expect(stderr).toContain('STACK_NOT_RUNNING  The local stack does not run lambda')
  expect(stderr).toContain('It runs agentcore-gateway.')
})
