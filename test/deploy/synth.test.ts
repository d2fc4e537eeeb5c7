import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { buildArtifact } from '../../src/build/build.ts'
import { readProject } from '../../src/build/project.ts'
import { synthesize, type Assembly } from '../../src/deploy/app.ts'
import { sample } from '../cli/support.ts'

let dir: string
let assembly: Assembly

beforeAll(async () => {
  process.env.CDK_VALIDATION = 'false'
  dir = await mkdtemp(join(tmpdir(), 'fairlead-synth-'))
  const project = await readProject(sample)
  const server = await buildArtifact({ projectDir: project.dir, config: project.config, outDir: join(dir, 'server') })
  assembly = await synthesize(
    { project, environment: 'default', region: 'us-east-1', platforms: ['lambda'], artifacts: { server } },
    join(dir, 'cdk.out'),
  )
})
afterAll(() => rm(dir, { recursive: true, force: true }))

describe('the synthesized stacks', () => {
  it('have both permissions for each caller of the function URL', () => {
    const permissions = Object.values(assembly.stacks[0]!.template.Resources).filter(
      ({ Type }) => Type === 'AWS::Lambda::Permission',
    )
    expect(permissions.map(({ Properties }) => Properties!.Action)).toEqual([
      'lambda:InvokeFunctionUrl',
      'lambda:InvokeFunction',
    ])
  })
})
