import type { ResourceStep } from '../deploy/toolkit-host.ts'
import { wrapped } from './wrap.ts'

export interface Progress {
  step(step: ResourceStep): void
  note(line: string): void
  /** Takes away the line of what is under way. */
  end(): void
}

/**
 * Writes a line to stderr for each resource that is done or has failed. On a terminal, what is under way stands in a last
 * line of its own, and lines are broken where it ends.
 */
export function deployProgress(out: NodeJS.WriteStream = process.stderr): Progress {
  const underWay = new Map<string, string>()
  const tty = out.isTTY
  const columns = () => (tty ? out.columns || 80 : undefined)
  const clear = () => void (tty && underWay.size > 0 && out.write('\r\u001B[K'))
  const show = () => {
    if (!tty || underWay.size === 0) return
    const line = `… ${[...underWay.values()].join(', ')}`
    out.write(line.slice(0, columns()! - 1))
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
        if (type === 'AWS::CloudFormation::Stack' && /ROLLBACK/.test(state)) out.write(`${stepText(step, columns())}\n`)
      } else {
        print(stepText(step, columns()))
        underWay.delete(key)
      }
      show()
    },
    note(line) {
      print(noteText(line, columns()))
      show()
    },
    end: () => {
      clear()
      underWay.clear()
    },
  }
}

/** So wide are most lines with columns. */
const roomy = 100

/**
 * `09:41:07  CREATE_COMPLETE     AWS::Lambda::Function     ServerFunction5EA5FAF5`. On a terminal with fewer columns it is closer
 * together, and goes on in the next line where that is not enough.
 */
function stepText({ at, state, type, id, reason }: ResourceStep, columns: number | undefined): string {
  const time = at.toISOString().slice(11, 19)
  const failed = state.endsWith('_FAILED') || /ROLLBACK/.test(state)
  const padded = `${time}  ${state.padEnd(26)} ${type.padEnd(34)} ${id}`
  const why = reason && failed ? reason : undefined
  if (columns === undefined) return [padded, ...(why ? [`${below}${why}`] : [])].join('\n')
  const fits = columns >= roomy && padded.length <= columns
  const lines = fits ? [padded] : wrapped(`${time}  ${state}  ${type}  ${id}`, '', below, columns)
  return [...lines, ...(why ? wrapped(why, below, below, columns) : [])].map((line) => line.trimEnd()).join('\n')
}

/** Under the state, which stands behind the time. */
const below = ' '.repeat(10)

function noteText(line: string, columns: number | undefined): string {
  if (columns === undefined || line.length <= columns) return line
  const [indent = ''] = /^ */.exec(line) ?? []
  return wrapped(line.slice(indent.length), indent, `${indent}  `, columns).join('\n')
}
