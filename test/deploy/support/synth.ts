import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Validations, type App } from 'aws-cdk-lib'
import { AwsSolutionsChecks } from 'cdk-nag'
import { buildAuthorizationService } from '../../../src/build/authorization-service.ts'
import { buildForAws } from '../../../src/build/for-aws.ts'
import { readProject, type Project } from '../../../src/build/project.ts'
import type { FairleadConfig } from '../../../src/config.ts'
import { synthesize, type Assembly, type Template, type ValidationReport } from '../../../src/deploy/app.ts'
import type { Deployment } from '../../../src/deploy/deployment.ts'
import { platformNames } from '../../../src/platforms.ts'
import { sample } from '../../cli/support.ts'

export interface Finding {
  /** `AwsSolutions-IAM5[Resource::*]`, or a rule of CloudFormation's. */
  rule: string
  says: string
  where: string[]
}

/** So that findings are read from the report and do not end the synthesis. */
export const reported = {
  '@aws-cdk/core:failSynthOnValidationErrors': false,
  '@aws-cdk/core:validateAgainstDefaultRules': true,
}

export function withNag(app: App): void {
  Validations.of(app).addPlugins(new AwsSolutionsChecks(app))
}

/** What cdk-nag and the built-in validation found in an assembly. */
export function findingsIn(dir: string): Finding[] {
  const { pluginReports } = JSON.parse(readFileSync(join(dir, 'validation-report.json'), 'utf8')) as ValidationReport
  return pluginReports.flatMap(({ violations }) =>
    violations.map(({ ruleName, description, violatingConstructs }) => ({
      rule: ruleName,
      says: description,
      where: violatingConstructs.map(
        ({ constructPath, cloudFormationResource }) => constructPath ?? cloudFormationResource?.logicalId ?? '',
      ),
    })),
  )
}

export const place = { account: '111122223333', region: 'us-east-1' }
export const agent = 'arn:aws:iam::111122223333:role/agent'

/** The sample, and artifacts that are built once for all cases: one for Node, with everything, and one in Python. */
export interface Workshop {
  project: Project
  artifacts: Required<Pick<Deployment['artifacts'], 'server' | 'authorizationService'>>
  python: { project: Project; artifacts: Required<Pick<Deployment['artifacts'], 'server'>> }
  dir: string
  close(): void
}

const inPython: FairleadConfig = {
  name: 'weather',
  server: { kind: 'http', command: 'python', args: ['server.py'] },
  callers: [agent],
  platforms: { lambda: { runtime: 'python3.13' } },
}

export async function openWorkshop(): Promise<Workshop> {
  const dir = mkdtempSync(join(tmpdir(), 'fairlead-synth-'))
  const project = await readProject(sample)
  const everything = { ...project.config, platforms: { lambda: { auth: 'oauth' as const }, fargate: {} } }
  const pythonDir = join(dir, 'weather')
  mkdirSync(pythonDir)
  writeFileSync(join(pythonDir, 'server.py'), 'from mcp.server.fastmcp import FastMCP\n')
  const [server, authorizationService, python] = await Promise.all([
    buildForAws({ projectDir: project.dir, config: everything, outDir: join(dir, 'server') }),
    buildAuthorizationService(join(dir, 'authorization-service')),
    buildForAws({ projectDir: pythonDir, config: inPython, outDir: join(dir, 'python') }),
  ])
  return {
    project,
    artifacts: { server, authorizationService },
    python: { project: { ...project, dir: pythonDir, config: inPython }, artifacts: { server: python } },
    dir,
    close: () => rmSync(dir, { recursive: true, force: true }),
  }
}

export interface Synthesized extends Assembly {
  config: FairleadConfig
  findings: Finding[]
  templates: Record<string, Template>
}

let cases = 0

/** Synthesizes one configuration with all checks. */
export async function synthesizeCase(
  { project, artifacts }: Pick<Workshop, 'project'> & { artifacts: Deployment['artifacts'] },
  dir: string,
  change: Partial<FairleadConfig>,
  more: Partial<Deployment> = {},
  without: 'account'[] = [],
  checked = true,
): Promise<Synthesized> {
  const config: FairleadConfig = { ...project.config, callers: [agent], ...change }
  const deployment: Deployment = {
    project: { ...project, config },
    environment: 'prod',
    ...place,
    platforms: platformNames.filter((name) => config.platforms[name]),
    artifacts,
    images: { server: { kind: 'registry', repository: '111122223333.dkr.ecr.us-east-1.amazonaws.com/fairlead', digest: `sha256:${'a'.repeat(64)}` } }, // prettier-ignore
    ...more,
  }
  for (const key of without) delete deployment[key]
  const out = join(dir, `case-${cases++}`)
  const checks = checked ? { context: reported, prepare: withNag, validate: 'report' as const } : {}
  const assembly = await synthesize(deployment, out, checks)
  return {
    ...assembly,
    config,
    findings: checked ? findingsIn(assembly.dir) : [],
    templates: Object.fromEntries(assembly.stacks.map(({ part, template }) => [part, template])),
  }
}
