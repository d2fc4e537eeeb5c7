import { mkdtempSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Artifact } from '../../../src/build/artifact.ts'
import type { FairleadConfig } from '../../../src/config.ts'
import { synthesize, type Template } from '../../../src/deploy/app.ts'
import type { Deployment } from '../../../src/deploy/deployment.ts'
import { platformNames } from '../../../src/platforms.ts'
import { findingsIn, reported, withNag } from './synth.ts'

export interface StacksOf {
  /** By part. */
  templates: Record<string, Template>
  /** What cdk-nag's AwsSolutions found and nobody has acknowledged. */
  findings: string[]
}

/** Synthesizes a configuration with artifacts that are empty, and runs cdk-nag over it. */
export async function stacksOf(
  config: FairleadConfig,
  more: Partial<Deployment> = {},
  without: 'account'[] = [],
): Promise<StacksOf> {
  const before = process.env.CDK_VALIDATION
  process.env.CDK_VALIDATION = 'false'
  const dir = mkdtempSync(join(tmpdir(), 'fairlead-stacks-'))
  try {
    const deployment: Deployment = {
      project: { dir, configFile: join(dir, 'fairlead.config.ts'), config },
      environment: 'prod',
      account: '111122223333',
      region: 'us-east-1',
      platforms: platformNames.filter((name) => config.platforms[name]),
      artifacts: { server: empty(dir, 'server'), authorizationService: empty(dir, 'authorization-service') },
      images: { server: { kind: 'registry', repository: '111122223333.dkr.ecr.us-east-1.amazonaws.com/fairlead', digest: `sha256:${'a'.repeat(64)}` } }, // prettier-ignore
      ...more,
    }
    for (const key of without) delete deployment[key]
    const out = join(dir, 'out')
    const { stacks } = await synthesize(deployment, out, { prepare: withNag, context: reported })
    const templates = Object.fromEntries(stacks.map(({ part, template }) => [part, template]))
    return { templates, findings: findingsIn(out).map(({ rule, where }) => `${rule} ${where.join(' ')}`) }
  } finally {
    rmSync(dir, { recursive: true, force: true })
    if (before === undefined) delete process.env.CDK_VALIDATION
    else process.env.CDK_VALIDATION = before
  }
}

function empty(dir: string, name: string): Artifact {
  const folder = join(dir, name)
  mkdirSync(folder)
  writeFileSync(join(folder, 'index.js'), 'export const handler = () => {}\n')
  return { dir: folder, files: [], digest: '', warnings: [] }
}

/** The properties of all resources of a type. */
export function resources(template: Template | undefined, type: string): Record<string, unknown>[] {
  return Object.values(template?.Resources ?? {}).flatMap(({ Type, Properties = {} }) =>
    Type === type ? [Properties] : [],
  )
}

/** What CloudFormation would make of a value: references by a table, joins as they are. */
export function resolved(value: unknown, of: (id: string, attribute?: string) => string): string {
  if (typeof value === 'string') return value
  const { Ref, 'Fn::GetAtt': got, 'Fn::Join': joined, 'Fn::ImportValue': name } = value as Record<string, unknown>
  if (typeof Ref === 'string') return of(Ref)
  if (typeof name === 'string') return of(name)
  if (got) return of(...(got as [string, string]))
  const [between, parts] = joined as [string, unknown[]]
  return parts.map((part) => resolved(part, of)).join(between)
}
