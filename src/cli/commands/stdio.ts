import type { Command } from 'commander'
import { readProject } from '../../build/project.ts'
import { FairleadError } from '../../errors.ts'
import { loadServer } from '../../server/load.ts'
import { protectStdout, serveOnStdio } from '../../server/stdio.ts'
import { newCommand, run } from '../output.ts'

export function stdioCommand(): Command {
  const command = newCommand('stdio', 'run the server on stdin and stdout').option(
    '--project <folder>',
    'the folder with fairlead.config.ts',
  )
  return command.action(() =>
    run(command, async (io) => {
      const { dir, config } = await readProject(command.opts<{ project?: string }>().project)
      if (!config.server) throw new FairleadError('CONFIG_INVALID', 'The configuration names no `server`')
      protectStdout()
      const source = await loadServer(config.server, {
        projectDir: dir,
        log: io.note,
        ...(config.tools ? { tools: config.tools } : {}),
      })
      await serveOnStdio(source)
      return undefined
    }),
  )
}
