import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { copyProject, fairlead, startDev } from './support.ts'

const config = `export default {
  name: 'demo',
  server: { kind: 'module', entry: './server.ts' },
  callers: ['arn:aws:iam::111122223333:role/agent'],
  platforms: { lambda: { memoryMb: 256 }, 'agentcore-runtime': {} },
}`
const server = `import { McpServer } from '@modelcontextprotocol/server'
export default () => {
  const server = new McpServer({ name: 'demo', version: '1.0.0' })
  server.registerTool('hello', { description: 'Greets.' }, async () => ({ content: [{ type: 'text', text: 'hello' }] }))
  return server
}`

let project: Awaited<ReturnType<typeof copyProject>>

beforeAll(async () => {
  project = await copyProject('none')
  await writeFile(join(project.dir, 'fairlead.config.ts'), config)
  await writeFile(join(project.dir, 'server.ts'), server)
})
afterAll(() => project.remove())

describe('fairlead dev --from-template', () => {
  it('runs what fairlead synth wrote, and calls reach it', async () => {
    const env = { AWS_REGION: 'us-east-1' }
    const written = await fairlead(['synth', '--out', 'cdk.out', '--json'], { cwd: project.dir, env })
    expect(written.code, written.stdout + written.stderr).toBe(0)
    // What changes in the sources afterwards is not what the template deploys.
    await writeFile(join(project.dir, 'server.ts'), 'export default 1')
    const dev = await startDev(project.dir, ['--port', '0', '--from-template', 'cdk.out'])
    try {
      expect(Object.keys(dev.state.endpoints)).toEqual(['lambda', 'agentcore-runtime'])
      expect(dev.state.identities.iam[0]).toMatchObject({ arn: 'arn:aws:iam::111122223333:role/agent' })
      for (const platform of Object.keys(dev.state.endpoints)) {
        const called = await fairlead(['call', 'hello', '--on', platform], { cwd: project.dir })
        expect(called.stdout, called.stderr).toContain('hello')
      }
      const refused = await fairlead(['call', 'hello', '--as', 'stranger'], { cwd: project.dir })
      expect(refused.code).toBe(3)
    } finally {
      await dev.stop()
    }
  }, 60_000)

  it('says what is not there', async () => {
    const ended = await fairlead(['dev', '--from-template', 'nowhere', '--json'], { cwd: project.dir })
    expect(ended.code).toBe(2)
    expect(JSON.parse(ended.stdout)).toMatchObject({ ok: false, error: { code: 'TEMPLATE_UNREADABLE' } })
  })
})
