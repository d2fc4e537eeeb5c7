import type { Command } from 'commander'
import { exitCodes, FairleadError } from '../../errors.ts'
import { nearest } from '../../nearest.ts'
import { toolArguments } from '../arguments.ts'
import { denied } from '../denied.ts'
import { newCommand, run, type Io } from '../output.ts'
import { connectTarget } from '../target.ts'
import { withTarget, type TargetOptions } from '../where.ts'
import { version } from '../version.ts'

export function callCommand(): Command {
  const command = withTarget(newCommand('call', 'call a tool'))
    .argument('<tool>', 'its name')
    .argument('[arguments...]', 'k=v, a string unless the tool’s schema says otherwise; k:=json')
  return command.action((tool: string, words: string[]) =>
    run(command, async (io) => {
      const client = await connectTarget(command.opts<TargetOptions>(), version(), io.note)
      try {
        const { tools } = await client.listTools()
        const found = tools.find((each) => each.name === tool)
        if (!found)
          throw unknownTool(
            tool,
            tools.map((each) => each.name),
          )
        const called = { name: tool, arguments: toolArguments(words, found.inputSchema) }
        const result = await client
          .callTool(called, { onprogress: (progress) => showProgress(io, progress) })
          .catch((error: unknown) => {
            throw denied(error)
          })
        const text = textOf(result)
        if (result.isError === true) {
          if (!io.json) throw new FairleadError('TOOL_FAILED', text)
          io.out(JSON.stringify({ ok: false, error: new FairleadError('TOOL_FAILED', text), data: result }))
          process.exitCode = exitCodes.tool
          return undefined
        }
        return { data: result, text }
      } finally {
        await client.close()
      }
    }),
  )
}

function showProgress(
  io: Io,
  { progress, total, message }: { progress: number; total?: number | undefined; message?: string | undefined },
): void {
  io.note(`  ${progress}${total === undefined ? '' : `/${total}`}${message === undefined ? '' : `  ${message}`}`)
}

/** The structured result where there is one, since it is the whole of it; else the text parts, and a line for each part that is not text. */
function textOf(result: { content?: unknown; structuredContent?: unknown; isError?: unknown }): string {
  if (result.structuredContent !== undefined && result.isError !== true)
    return JSON.stringify(result.structuredContent, null, 2)
  const parts = Array.isArray(result.content) ? (result.content as { type: string; text?: string }[]) : []
  return parts.map((part) => part.text ?? `(${part.type})`).join('\n')
}

function unknownTool(name: string, names: string[]): FairleadError {
  const meant = nearest(name, names)
  return new FairleadError('TOOL_UNKNOWN', `The server has no tool ${name}${meant ? `; did you mean ${meant}?` : ''}`, {
    fix: `Tools: ${names.join(', ')}`,
  })
}
