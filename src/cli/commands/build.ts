import { join, relative } from 'node:path'
import type { Command } from 'commander'
import { checkReproducible } from '../../build/build.ts'
import { buildForAws } from '../../build/for-aws.ts'
import { readProject } from '../../build/project.ts'
import { stateDir } from '../../local/state.ts'
import { newCommand, run } from '../output.ts'

export function buildCommand(): Command {
  const command = newCommand('build', 'make the artifact that AWS runs')
    .option('--check', 'build twice, in two folders, and compare the digests')
    .option('--out <folder>', 'where to put it (default .fairlead/build)')
    .option('--project <folder>', 'the folder with fairlead.config.ts')
  return command.action(() =>
    run(command, async (io) => {
      const options = command.opts<{ check?: boolean; out?: string; project?: string }>()
      const { dir, config } = await readProject(options.project)
      const outDir = options.out ?? join(stateDir(dir), 'build')
      const artifact = await buildForAws({ projectDir: dir, config, outDir })
      for (const warning of artifact.warnings) io.note(warning)
      if (options.check) await checkReproducible({ projectDir: dir, config }, buildForAws)
      const files = artifact.files.map(
        ({ name, bytes }) => `  ${name.padEnd(14)}${(bytes / 1000).toFixed(1).padStart(9)} kB`,
      )
      return {
        data: { ...artifact, ...(options.check ? { reproducible: true } : {}) },
        text: [
          relative('.', artifact.dir) || '.',
          ...files,
          `  ${artifact.digest}`,
          ...(options.check ? ['  built twice: the same bytes'] : []),
        ].join('\n'),
      }
    }),
  )
}
