import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { FairleadConfig } from '../../src/config.ts'
import { synthesize } from '../../src/deploy/app.ts'
import { prepareDeployment, type PrepareOptions } from '../../src/deploy/prepare.ts'
import { pinMadeUpBase } from '../support/pinned-base.ts'

let dir: string
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'fairlead-prepare-'))
  await writeFile(join(dir, 'server.ts'), 'export default () => {}')
})
afterEach(() => rm(dir, { recursive: true, force: true }))

const agents = ['arn:aws:iam::111122223333:role/agent', 'arn:aws:iam::000000000000:role/agent-execution-role']
const place = { account: '111122223333', region: 'eu-west-1' }

async function prepare(more: Partial<FairleadConfig> = {}, options: Partial<PrepareOptions> = {}) {
  const server = { kind: 'module' as const, entry: './server.ts' }
  const config: FairleadConfig = { name: 'demo', server, callers: agents, platforms: { lambda: {} }, ...more }
  const project = { dir, configFile: join(dir, 'fairlead.config.ts'), config }
  return prepareDeployment(project, { outDir: join(dir, 'out'), env: {}, ...options })
}

describe('a deployment', { timeout: 60_000 }, () => {
  it('goes where the environment says, else where the caller says, else where AWS_REGION says', async () => {
    const regionOf = async (...all: Parameters<typeof prepare>) => (await prepare(...all)).deployment.region
    const region = 'us-west-2'
    const env = { AWS_REGION: 'ap-northeast-1' }
    expect(await regionOf({ environments: { prod: place } }, { region, env })).toBe('eu-west-1')
    expect(await regionOf({}, { region, env })).toBe('us-west-2')
    expect(await regionOf({}, { env })).toBe('ap-northeast-1')
    await expect(prepare()).rejects.toMatchObject({ code: 'REGION_UNKNOWN', message: 'Which region?' })
  })

  it('lets no caller in who exists on this machine alone', async () => {
    const { deployment, warnings } = await prepare({ environments: { prod: place } })
    expect(deployment.project.config.callers).toEqual([agents[0]])
    expect(warnings).toEqual([expect.stringContaining(`${agents[1]} is not deployed`)])
  })

  it.each([
    ['arn:aws:iam::111122223333:group/analysts', 'is not an IAM principal', /.*/],
    ['arn:aws:iam::111122223333:role/*', 'is not an IAM principal', /.*/],
    ['arn:aws:sts::111122223333:assumed-role/agent/one', 'A session of a role cannot be granted', /^Write arn:aws:iam::111122223333:role\/agent$/], // prettier-ignore
  ])('refuses a caller that AWS does not take in a policy: %s', async (caller, says, fix) => {
    await expect(prepare({ callers: [caller] }, place)).rejects.toMatchObject({
      code: 'PRINCIPAL_INVALID',
      message: expect.stringMatching(new RegExp(`^\`callers\`: .*${says}`)) as string,
      fix: expect.stringMatching(fix) as string,
    })
  })

  it('warns of a target of the managed gateway that is on this machine alone', async () => {
    const brownfield = fileURLToPath(new URL('../../examples/brownfield/', import.meta.url))
    const targets = ['orders.json', 'inventory.json', 'notes.json'].map((file) => join(brownfield, file))
    const gateway = { gateway: join(brownfield, 'gateway.json'), targets, bindings: join(brownfield, 'bindings.json') }
    const { warnings } = await prepare({ callers: [], platforms: { 'agentcore-gateway': gateway } }, place)
    expect(warnings).toEqual([
      expect.stringMatching(
        /^arn:aws:lambda:.*:000000000000:.* is of 000000000000, an account that AWS does not have$/,
      ),
    ])
  })

  it('has no platform that the configuration has not', async () => {
    await expect(prepare({}, { region: 'eu-west-1', platforms: ['fargate'] })).rejects.toMatchObject({
      code: 'USAGE',
      message: 'The configuration has no platform fargate',
      fix: '--platform lambda',
    })
  })

  it('knows its image from the base that the project pins, and asks no registry', async () => {
    const inImage = { platforms: { 'agentcore-runtime': { package: 'image' as const } } }
    const known = { ...inImage, environments: { dev: place } }
    await expect(prepare(known)).rejects.toMatchObject({ code: 'IMAGE_BASE_UNPINNED' })
    pinMadeUpBase(dir)
    const { deployment } = await prepare(known)
    expect(deployment.images?.server).toEqual({
      kind: 'registry',
      repository: '111122223333.dkr.ecr.eu-west-1.amazonaws.com/cdk-hnb659fds-container-assets-111122223333-eu-west-1',
      digest: expect.stringMatching(/^sha256:[0-9a-f]{64}$/) as string,
    })
  })

  it('of an account that is not known yet names its image with the account of the stack', async () => {
    pinMadeUpBase(dir)
    const { deployment } = await prepare(
      { platforms: { 'agentcore-runtime': { package: 'image' } } },
      { region: 'eu-west-1' },
    )
    const { stacks } = await synthesize(deployment, join(dir, 'cdk.out'))
    const text = await readFile(join(dir, 'cdk.out', `${stacks[0]!.name}.template.json`), 'utf8')
    expect(text).toContain('.dkr.ecr.eu-west-1.amazonaws.com/cdk-hnb659fds-container-assets-')
    expect(text).not.toContain('${AWS::AccountId}.dkr')
    // Its role may pull that image.
    expect(text).toContain(':repository/cdk-hnb659fds-container-assets-')
  })
})
