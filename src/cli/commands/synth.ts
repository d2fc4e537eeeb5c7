import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import type { Command } from 'commander'
import { readProject, type Project } from '../../build/project.ts'
import type { Deployment } from '../../deploy/deployment.ts'
import { orMissing } from '../../deploy/cdk-missing.ts'
import { checkPlace } from '../../deploy/preflight.ts'
import { prepareDeployment } from '../../deploy/prepare.ts'
import { environmentOf, refuseOtherRegion } from '../../environment.ts'
import { FairleadError } from '../../errors.ts'
import { stateDir } from '../../local/state.ts'
import { withConfirming } from '../deployment-options.ts'
import { newCommand, run, type Io, type Result } from '../output.ts'

interface Options {
  platform?: string[]
  env?: string
  region?: string
  out?: string
  format: string
  validate?: boolean
  dryRun?: boolean
  project?: string
}

export function synthCommand(): Command {
  const command = withConfirming(newCommand('synth', 'write the CloudFormation templates, without an account'), {
    dryRun: 'say what would be written',
  })
    .option('--platform <name...>', 'these platforms (default: all of the configuration)')
    .option('--env <name>', 'an environment of the configuration')
    .option('--region <name>', 'where, if the environment does not say it (default: AWS_REGION)')
    .option('--out <folder>', 'where to put them (default .fairlead/cdk.out, or .fairlead/sam)')
    .option('--format <name>', 'cdk, or sam for lambda', 'cdk')
    .option('--validate', 'hold the templates against CloudFormation’s schemas and rules')
    .option('--project <folder>', 'the folder with fairlead.config.ts')
  return command.action(() =>
    run(command, async (io) => {
      const options = command.opts<Options>()
      const project = await readProject(options.project)
      const write = options.format === 'sam' ? sam : cdk
      if (options.format !== 'sam' && options.format !== 'cdk')
        throw new FairleadError('USAGE', `There is no format ${options.format}`, {
          fix: '--format cdk, or --format sam',
        })
      if (options.region !== undefined) {
        checkPlace(options.region, [])
        refuseOtherRegion(environmentOf(project.config, options.env), options.region)
      }
      const outDir = options.out ?? join(stateDir(project.dir), options.format === 'sam' ? 'sam' : 'cdk.out')
      refuseForeign(outDir, options.format === 'sam')
      if (!options.dryRun) return write(project, options, io, outDir, join(stateDir(project.dir), 'deploy'))
      const dir = mkdtempSync(join(tmpdir(), 'fairlead-dry-'))
      try {
        const { data, text } = await write(project, options, io, join(dir, 'out'), join(dir, 'deploy'))
        const shown = relative('.', outDir) || '.'
        return {
          data: { ...(data as object), dir: outDir, dryRun: true },
          text: `${text.replace(/^\S+/, shown)}\n\nNothing was written.`,
        }
      } finally {
        rmSync(dir, { recursive: true, force: true })
      }
    }),
  )
}

async function cdk(project: Project, options: Options, io: Io, outDir: string, artifactsDir: string): Promise<Result> {
  // The builds wait for esbuild, so that CDK is loaded meanwhile.
  const [{ synthesize }, deployment] = await Promise.all([
    orMissing(() => import('../../deploy/app.ts')),
    prepared(project, options, io, artifactsDir),
  ])
  rmSync(outDir, { recursive: true, force: true })
  const { dir, stacks } = await synthesize(deployment, outDir, { validate: options.validate ?? false })
  return result('cdk', dir, deployment, stacks)
}

async function sam(project: Project, options: Options, io: Io, outDir: string, artifactsDir: string): Promise<Result> {
  const { platform = ['lambda'], region, validate } = options
  const other = platform.find((name) => name !== 'lambda')
  if (other !== undefined)
    throw new FairleadError('USAGE', `--format sam is for lambda, not for ${other}`, {
      why: 'AWS SAM knows functions; tasks, runtimes and gateways would be plain CloudFormation in it.',
      fix: `fairlead synth --platform ${other}`,
    })
  if (region !== undefined)
    throw new FairleadError('USAGE', 'A template of AWS SAM is of no region', {
      why: 'It goes where it is deployed to.',
      fix: `sam deploy --region ${region}`,
    })
  if (validate)
    throw new FairleadError('USAGE', '--validate is for --format cdk', { fix: 'sam validate --lint, in the folder' })
  const { writeSam } = await import('../../deploy/sam.ts')
  const deployment = await prepared(project, { ...options, platform }, io, artifactsDir, true)
  for (const name of existsSync(outDir) ? readdirSync(outDir) : [])
    if (!samSettings.test(name)) rmSync(join(outDir, name), { recursive: true, force: true })
  const { dir, template } = writeSam(deployment, outDir)
  return result('sam', dir, deployment, [{ name: 'template.yaml', part: 'lambda', template }])
}

/** The parameter AuthType decides when the template is deployed, so the artifact of SAM has the guard whatever the configuration says. */
async function prepared(
  project: Project,
  options: Options,
  io: Io,
  outDir: string,
  guarded = false,
): Promise<Deployment> {
  const { deployment, warnings } = await prepareDeployment(project, {
    outDir,
    ...(options.dryRun ? {} : { pinning: { note: io.note } }),
    ...(options.platform ? { platforms: options.platform } : {}),
    ...(options.env === undefined ? {} : { environment: options.env }),
    ...(options.region === undefined ? {} : { region: options.region }),
    ...(guarded ? { guarded, region: '${AWS::Region}' } : {}),
  })
  for (const warning of warnings) io.note(warning)
  return deployment
}

/** What synthesis writes, whole or broken off. */
const ours =
  /^((asset|image)\..+|[\w-]+\.(template|assets|metadata)\.json|(manifest|validation-report)\.json|cdk\.out|template\.yaml|server)$/

/** What `sam deploy --guided` asked, which is kept; what `sam build` made of the template from before is not. */
const samSettings = /^samconfig\.(toml|ya?ml)$/
const samBuild = '.aws-sam'

/** A folder of ours is written anew; one with something else in it is left alone. */
function refuseForeign(dir: string, sam: boolean): void {
  const isOurs = (name: string) => ours.test(name) || (sam && (samSettings.test(name) || name === samBuild))
  const foreign = existsSync(dir) ? readdirSync(dir).find((name) => !isOurs(name)) : undefined
  if (foreign !== undefined)
    throw new FairleadError('USAGE', `${dir} has something else in it: ${foreign}`, {
      why: 'The folder is written anew each time.',
      fix: 'Name a folder that is empty or is not there.',
    })
}

interface Stack {
  name: string
  part: string
  template: { Resources: Record<string, { Type: string }> }
}

function result(format: string, dir: string, deployment: Deployment, stacks: readonly Stack[]): Result {
  const { environment, account, region } = deployment
  const rows = stacks.map(({ name, part, template }) => ({ name, platform: part, resources: counted(template) }))
  const place = format === 'sam' ? {} : { region, ...(account === undefined ? {} : { account }) }
  const widest = Math.max(...rows.map(({ name }) => name.length))
  const total = (resources: Record<string, number>) => Object.values(resources).reduce((sum, each) => sum + each, 0)
  return {
    data: { format, dir, environment, ...place, stacks: rows },
    text: [
      `${relative('.', dir) || '.'}   ${environment}${format === 'sam' ? '' : `   ${account ?? 'the account that deploys'}   ${region}`}`,
      ...rows.map(
        ({ name, resources }) => `  ${name.padEnd(widest)}  ${String(total(resources)).padStart(3)} resources`,
      ),
    ].join('\n'),
  }
}

function counted({ Resources }: Stack['template']): Record<string, number> {
  const counts = new Map<string, number>()
  for (const { Type } of Object.values(Resources)) counts.set(Type, (counts.get(Type) ?? 0) + 1)
  return Object.fromEntries([...counts].toSorted(([a], [b]) => (a < b ? -1 : 1)))
}
