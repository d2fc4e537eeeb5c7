import type { Command } from 'commander'
import { newCommand, run } from '../output.ts'
import { signature } from '../signature.ts'
import { connectTarget } from '../target.ts'
import { withTarget, type TargetOptions } from '../where.ts'
import { version } from '../version.ts'

export function toolsCommand(): Command {
  const command = withTarget(newCommand('tools', 'list the tools'))
  return command.action(() =>
    run(command, async (io) => {
      const client = await connectTarget(command.opts<TargetOptions>(), version(), io.note)
      try {
        const { tools } = await client.listTools()
        const text = tools
          .map(({ name, inputSchema, description }) =>
            [signature(name, inputSchema), ...firstLine(description)].join('\n    '),
          )
          .join('\n')
        return {
          data: { tools, protocolVersion: client.getNegotiatedProtocolVersion() },
          text: text === '' ? 'The server has no tools.' : text,
        }
      } finally {
        await client.close()
      }
    }),
  )
}

function firstLine(text: string | undefined): string[] {
  return text ? [text.split('\n')[0]!] : []
}
