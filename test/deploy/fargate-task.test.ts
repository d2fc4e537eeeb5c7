import { spawn } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { buildArtifact } from '../../src/build/build.ts'
import type { FairleadConfig } from '../../src/config.ts'
import { startLocalDynamo } from '../../src/local/dynamodb/start.ts'
import { copyProject } from '../cli/support.ts'
import { resolved, resources, stacksOf } from './support/stacks-of.ts'

const config: FairleadConfig = {
  name: 'one',
  server: { kind: 'module', entry: './server.ts' },
  scopes: { read: { description: 'Read' } },
  platforms: { fargate: { sessions: 'stateful' } },
}

it('a task runs with the environment that its template gives it, and asks for a token of its own service', async () => {
  const project = await copyProject('none')
  writeFileSync(
    join(project.dir, 'server.ts'),
    "import { McpServer } from '@modelcontextprotocol/server'\nexport default () => new McpServer({ name: 'one', version: '1.0.0' })\n",
  )
  const [dynamo, { templates }, { dir }] = await Promise.all([
    startLocalDynamo('us-east-1'),
    stacksOf(config),
    buildArtifact({ projectDir: project.dir, config, outDir: join(project.dir, 'out') }),
  ])
  const [task] = resources(templates.fargate, 'AWS::ECS::TaskDefinition')
  const [container] = task!.ContainerDefinitions as [
    { Environment: { Name: string; Value: unknown }[]; Secrets: { Name: string }[] },
  ]
  const of = (id: string) =>
    templates.fargate!.Resources[id]?.Type === 'AWS::DynamoDB::Table' ? dynamo.tableName : 'd111.cloudfront.net'
  const variables = container.Environment.map(({ Name, Value }) => [Name, resolved(Value, of)])
  const secrets = container.Secrets.map(({ Name }) => [Name, 'x'.repeat(48)])
  const child = spawn(process.execPath, [join(dir, 'index.js')], {
    stdio: ['ignore', 'pipe', 'inherit'],
    // What ECS gives beside the template is the role's credentials and the region.
    env: { ...dynamo.env, ...Object.fromEntries([...variables, ...secrets]), HOST: '127.0.0.1', PORT: '0' } as Record<string, string>, // prettier-ignore
  })
  const ended = new Promise((resolve) => child.once('exit', resolve))
  const line = await new Promise<Buffer>((resolve) => child.stdout.once('data', resolve))
  const { listening } = JSON.parse(line.toString()) as { listening: string }
  expect((await fetch(`${listening}/healthz`)).status).toBe(200)
  const refused = await fetch(`${listening}/mcp`, { method: 'POST', body: '{}', headers: { 'content-type': 'application/json' } }) // prettier-ignore
  expect(refused.status).toBe(401)
  expect(refused.headers.get('www-authenticate')).toContain(
    'resource_metadata="https://d111.cloudfront.net/.well-known/oauth-protected-resource/mcp"',
  )
  const metadata = await fetch(`${listening}/.well-known/oauth-protected-resource/mcp`)
  expect(await metadata.json()).toMatchObject({
    resource: 'https://d111.cloudfront.net/mcp',
    authorization_servers: ['https://d111.cloudfront.net'],
  })
  child.kill('SIGTERM')
  expect(await ended).toBe(0)
  await dynamo.close()
  await project.remove()
})
