import { join, relative } from 'node:path'
import type { Command } from 'commander'
import { buildGateway } from '../../build/agentcore-gateway.ts'
import type { Artifact } from '../../build/artifact.ts'
import { checkReproducible } from '../../build/build.ts'
import { buildForAws } from '../../build/for-aws.ts'
import { readProject } from '../../build/project.ts'
import type { FairleadConfig } from '../../config.ts'
import { askAndPin, baseOrAsk, baseReference } from '../../deploy/oci/pin.ts'
import { planImage, type ImagePlan } from '../../deploy/oci/plan.ts'
import { stateDir } from '../../local/state.ts'
import { FairleadError } from '../../errors.ts'
import { newCommand, run, type Io } from '../output.ts'

export function buildCommand(): Command {
  const command = newCommand('build', 'make the artifact that AWS runs')
    .option('--check', 'build twice, in two folders, and compare the digests')
    .option(
      '--image',
      'work out the image that runs in a container: the base that fairlead.lock.json pins, and one layer',
    )
    .option(
      '--update-base',
      'with --image: ask the registry what the base image is now, and pin that in fairlead.lock.json',
    )
    .option('--out <folder>', 'where to put it (default .fairlead/build)')
    .option('--project <folder>', 'the folder with fairlead.config.ts')
  return command.action(() =>
    run(command, async (io) => {
      const options = command.opts<{
        check?: boolean
        image?: boolean
        updateBase?: boolean
        out?: string
        project?: string
      }>()
      if (options.updateBase && !options.image) throw new FairleadError('USAGE', '--update-base goes with --image')
      const { dir, config } = await readProject(options.project)
      const outDir = options.out ?? join(stateDir(dir), 'build')
      const gateway = gatewayOf(config)
        ? await buildGateway({ projectDir: dir, config, outDir: join(outDir, 'gateway') })
        : undefined
      if (gateway && !config.server) return built(io, [gateway], { gateway })
      const artifact = await buildForAws({ projectDir: dir, config, outDir })
      if (options.check) await checkReproducible({ projectDir: dir, config }, buildForAws)
      const image = options.image
        ? await imageOf(dir, artifact.dir, config, { update: options.updateBase ?? false, note: io.note })
        : undefined
      const { data, text } = built(io, gateway ? [artifact, gateway] : [artifact], {
        ...artifact,
        ...(gateway ? { gateway } : {}),
        ...(options.check ? { reproducible: true } : {}),
        ...(image ? { image: said(image) } : {}),
      })
      const more = [...(options.check ? ['  built twice: the same bytes'] : []), ...(image ? imageLines(image) : [])]
      return { data, text: [text, ...more].join('\n') }
    }),
  )
}

async function imageOf(
  dir: string,
  artifactDir: string,
  config: FairleadConfig,
  { update, note }: { update: boolean; note: (line: string) => void },
): Promise<ImagePlan> {
  const base = await (update ? askAndPin : baseOrAsk)(dir, baseReference(config), { note })
  return planImage({ artifactDir, base })
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

/** Whether the gateway is to run as a function or a task of ours. */
function gatewayOf({ platforms }: FairleadConfig): boolean {
  const { deployAs } = platforms['agentcore-gateway'] ?? {}
  return deployAs === 'lambda' || deployAs === 'fargate'
}

function built(io: Io, artifacts: Artifact[], data: object): { data: object; text: string } {
  for (const { warnings } of artifacts) for (const warning of warnings) io.note(warning)
  return { data, text: artifacts.map(lines).join('\n') }
}

function lines({ dir, files, digest }: Artifact): string {
  const sizes = files.map(({ name, bytes }) => `  ${name.padEnd(14)}${(bytes / 1000).toFixed(1).padStart(9)} kB`)
  return [relative('.', dir) || '.', ...sizes, `  ${digest}`].join('\n')
}
