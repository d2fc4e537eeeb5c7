import type { ResourceStep } from '../deploy/toolkit-host.ts'

export interface Progress {
  step(step: ResourceStep): void
  note(line: string): void
  /** Takes away the line of what is under way. */
  end(): void
}

/**
 * Writes a line to stderr for each resource that is done or has failed. On a terminal, what is under way stands in a last
 * line of its own.
 */
export function deployProgress(out: NodeJS.WriteStream = process.stderr): Progress {
  const underWay = new Map<string, string>()
  const tty = out.isTTY
  const clear = () => void (tty && underWay.size > 0 && out.write('\r\u001B[K'))
  const show = () => {
    if (!tty || underWay.size === 0) return
    const line = `… ${[...underWay.values()].join(', ')}`
    out.write(line.slice(0, (out.columns || 80) - 1))
  }
  const print = (line: string) => {
    clear()
    out.write(`${line}\n`)
  }
  return {
    step(step) {
      const { stack, id, state, type } = step
      const key = `${stack}/${id}`
      if (state.endsWith('_IN_PROGRESS')) {
        clear()
        if (type !== 'AWS::CloudFormation::Stack') underWay.set(key, id)
        // The beginning of a rollback says why, and that it is one.
        if (type === 'AWS::CloudFormation::Stack' && /ROLLBACK/.test(state)) out.write(`${stepLine(step)}\n`)
      } else {
        print(stepLine(step))
        underWay.delete(key)
      }
      show()
    },
    note(line) {
      print(line)
      show()
    },
    end: () => {
      clear()
      underWay.clear()
    },
  }
}

/** `09:41:07  CREATE_COMPLETE     AWS::Lambda::Function     ServerFunction5EA5FAF5`. */
export function stepLine({ at, state, type, id, reason }: ResourceStep): string {
  const time = at.toISOString().slice(11, 19)
  const failed = state.endsWith('_FAILED') || /ROLLBACK/.test(state)
  return `${time}  ${state.padEnd(26)} ${type.padEnd(34)} ${id}${reason && failed ? `\n          ${reason}` : ''}`
}
