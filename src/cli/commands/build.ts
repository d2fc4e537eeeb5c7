import { copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join, relative, resolve } from 'node:path'
import type { Command } from 'commander'
import { buildGateway } from '../../build/agentcore-gateway.ts'
import type { Artifact } from '../../build/artifact.ts'
import { buildAuthorizationService } from '../../build/authorization-service.ts'
import { checkReproducible } from '../../build/build.ts'
import { buildForAws } from '../../build/for-aws.ts'
import { readProject, type Project } from '../../build/project.ts'
import type { FairleadConfig } from '../../config.ts'
import { isManaged, needsAuthorization, type ImagedArtifact } from '../../deploy/deployment.ts'
import { imagedArtifacts } from '../../deploy/image.ts'
import { lockFile } from '../../deploy/oci/lock.ts'
import { askAndPin, baseOrAsk, baseReference } from '../../deploy/oci/pin.ts'
import { planImage, type ImagePlan } from '../../deploy/oci/plan.ts'
import { environmentOf } from '../../environment.ts'
import { FairleadError } from '../../errors.ts'
import { stateDir } from '../../local/state.ts'
import { platformNames } from '../../platforms.ts'
import { again, platformsOf, withConfirming } from '../deployment-options.ts'
import { newCommand, run, type Io, type Result } from '../output.ts'

interface Options {
  check?: boolean
  image?: boolean
  updateBase?: boolean
  platform?: string[]
  env?: string
  dryRun?: boolean
  out?: string
  project?: string
}

export function buildCommand(): Command {
  const command = withConfirming(newCommand('build', 'make the artifacts that AWS runs'), {
    dryRun: 'build, and say what would be written',
  })
    .option('--check', 'build twice, in two folders, and compare the digests')
    .option(
      '--image',
      'work out the image that runs in a container: the base that fairlead.lock.json pins, and one layer',
    )
    .option(
      '--update-base',
      'with --image: ask the registry what the base image is now, and pin that in fairlead.lock.json',
    )
    .option('--platform <name>', 'what this platform runs; again for another (default: all)', again)
    .option('--env <name>', 'as this environment of the configuration has it')
    .option('--out <folder>', 'where to put it (default .fairlead/build)')
    .option('--project <folder>', 'the folder with fairlead.config.ts')
  return command.action(() =>
    run(command, async (io) => {
      const options = command.opts<Options>()
      if (options.updateBase && !options.image) throw new FairleadError('USAGE', '--update-base goes with --image')
      const project = await readProject(options.project)
      const outDir = resolve(options.out ?? join(stateDir(project.dir), 'build'))
      if (!options.dryRun) return build(project, options, outDir, io)
      const dir = mkdtempSync(join(tmpdir(), 'fairlead-dry-'))
      try {
        return await build(project, options, outDir, io, dir)
      } finally {
        rmSync(dir, { recursive: true, force: true })
      }
    }),
  )
}

/** Builds into `outDir`; in a dry run into another folder, in the name of `outDir`. */
async function build(project: Project, options: Options, outDir: string, io: Io, dryDir?: string): Promise<Result> {
  const { dir } = project
  const config = configOf(project, options.env)
  const platforms = platformsOf(
    options.platform,
    platformNames.filter((name) => config.platforms[name]),
  )
  const server = config.server && (!options.platform || platforms.some((name) => name !== 'agentcore-gateway'))
  const gateway = platforms.includes('agentcore-gateway') && !isManaged(config)
  const inTasks = imagedArtifacts(config, platforms).includes('gateway')
  if (!server && !gateway)
    throw new FairleadError('USAGE', 'There is nothing to build', {
      why: config.server
        ? 'The managed gateway runs no artifact: its definitions go to AWS as they are.'
        : 'The configuration names no `server`.',
      fix: 'fairlead synth writes what is deployed',
    })
  const into = dryDir === undefined ? outDir : join(dryDir, basename(outDir))
  const make = async (how: typeof buildForAws, where: string): Promise<Artifact> => {
    if (options.check) await checkReproducible({ projectDir: dir, config }, how)
    const artifact = await how({ projectDir: dir, config, outDir: where })
    return { ...artifact, dir: join(outDir, relative(into, where)) }
  }
  const forPlatforms: typeof buildForAws = (given) => buildForAws({ ...given, ...(options.platform ? { platforms } : {}) }) // prettier-ignore
  const artifacts: { server?: Artifact; authorizationService?: Artifact; gateway?: Artifact } = {
    ...(server ? { server: await make(forPlatforms, into) } : {}),
    ...(platforms.some((name) => needsAuthorization(config, name))
      ? { authorizationService: await make((given) => buildAuthorizationService(given.outDir), `${into}-authorization-service`) } // prettier-ignore
      : {}),
    ...(gateway ? { gateway: await make(buildGateway, `${into}-gateway`) } : {}),
  }
  const { server: first, gateway: second, ...others } = artifacts
  const all = Object.values(artifacts)
  for (const { warnings } of all) for (const warning of warnings) io.note(warning)
  const images = options.image
    ? await imagesOf(dryDir === undefined ? dir : lockIn(dryDir, dir), config, { server: server ? into : undefined, gateway: inTasks ? `${into}-gateway` : undefined }, { update: options.updateBase ?? false, note: io.note }) // prettier-ignore
    : {}
  return {
    data: {
      ...first,
      ...others,
      ...(options.check ? { reproducible: true } : {}),
      ...(images.server ? { image: said(images.server) } : {}),
      ...(second ? { gateway: { ...second, ...(images.gateway ? { image: said(images.gateway) } : {}) } } : {}),
      ...(dryDir === undefined ? {} : { dryRun: true }),
    },
    text: [
      ...all.map(lines),
      ...(options.check ? ['  built twice: the same bytes'] : []),
      ...Object.values(images).flatMap(imageLines),
      ...(dryDir === undefined ? [] : ['', 'Nothing was written.']),
    ].join('\n'),
  }
}

/** Of the environment that is named, or the only one, which `deploy` takes; where there are more, that of none. */
function configOf({ config }: Project, env: string | undefined): FairleadConfig {
  return env === undefined && Object.keys(config.environments ?? {}).length > 1 ? config : environmentOf(config, env).config // prettier-ignore
}

/** A folder in which a pin can be written without being kept. */
function lockIn(dryDir: string, projectDir: string): string {
  const dir = join(dryDir, 'project')
  mkdirSync(dir)
  if (existsSync(join(projectDir, lockFile))) copyFileSync(join(projectDir, lockFile), join(dir, lockFile))
  return dir
}

/** Of what runs in a container, or may: a server is in the same image wherever it is in one. */
async function imagesOf(
  dir: string,
  config: FairleadConfig,
  folders: Record<ImagedArtifact, string | undefined>,
  { update, note }: { update: boolean; note: (line: string) => void },
): Promise<Partial<Record<ImagedArtifact, ImagePlan>>> {
  const named = Object.entries(folders).filter((each): each is [ImagedArtifact, string] => each[1] !== undefined)
  if (named.length === 0)
    throw new FairleadError('USAGE', 'Nothing that is built here runs in an image', {
      fix: 'Leave --image out, or write a platform that does: fargate: {}',
    })
  const base = await (update ? askAndPin : baseOrAsk)(dir, baseReference(config), { note })
  return Object.fromEntries(named.map(([name, artifactDir]) => [name, planImage({ artifactDir, base })]))
}

function said({ digest, tag, layer, base }: ImagePlan) {
  return { digest, tag, layer: { digest: layer.digest, bytes: layer.size }, base: facts(base) }
}

function facts({ reference, platform, digest }: ImagePlan['base']) {
  return { reference, platform, digest }
}

function imageLines({ digest, layer, base }: ImagePlan): string[] {
  return [
    `image ${digest}`,
    `  ${base.reference} ${base.platform}`,
    `  ${base.digest}`,
    `  and a layer of ${(layer.size / 1000).toFixed(1)} kB`,
  ]
}

function lines({ dir, files, digest }: Artifact): string {
  const sizes = files.map(({ name, bytes }) => `  ${name.padEnd(14)}${(bytes / 1000).toFixed(1).padStart(9)} kB`)
  return [relative('.', dir) || '.', ...sizes, `  ${digest}`].join('\n')
}
