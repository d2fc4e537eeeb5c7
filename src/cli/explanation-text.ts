import type { Explanation } from '../explain/explain.ts'
import { wrapped } from './wrap.ts'

const marks = { true: '✔', false: '✗', undefined: '–' } as const

/** An explanation for a reader: what it was, why, the first difference, what to do, and the steps behind it. */
export function explanationText(found: Explanation): string {
  const verdict = found.accepted ? 'ACCEPTED' : (found.code ?? found.causes[0] ?? 'REFUSED')
  const lines = [
    `${found.status === 0 ? '' : `${found.status} `}${verdict}   ${clipped(found.request)} on ${found.platform}   ${found.at}`,
    `  ${found.id}${found.causes.length > 0 ? `   ${found.causes.join(' + ')}, ${words[found.certainty]}` : ''}`,
    '',
    ...labelled('Why', found.why),
  ]
  if (found.difference) {
    const { line, of, what, client, server } = found.difference
    lines.push(
      '',
      `        canonical request, line ${line} of ${of} (${what})`,
      `        - client  ${client}`,
      `        + server  ${server}`,
      '',
    )
  }
  lines.push(...labelled('Fix', found.fix))
  if (found.docs) lines.push(`  Docs  ${found.docs}`)
  if (found.steps.length > 0) lines.push('', ...found.steps.flatMap(stepLines))
  return lines.join('\n')
}

const words = { proved: 'proved', seen: 'seen', rest: 'what is left' } as const

function labelled(label: string, sentences: readonly string[]): string[] {
  return sentences.flatMap((text, at) => wrapped(text, at === 0 ? `  ${label.padEnd(6)}` : '        ', '        '))
}

function stepLines(step: Explanation['steps'][number], at: number): string[] {
  const mark = 'ok' in step ? marks[`${step.ok}`] : ' '
  const [first = '', ...more] = step.text.split('\n')
  const oneLine = more.length === 0 && first.length < 60
  const head = `  ${String(at + 1).padStart(2)} ${mark} ${step.name}`
  return oneLine ? [`${head}   ${first}`] : [head, ...[first, ...more].map((line) => `       ${line}`)]
}

function clipped(request: string): string {
  return request.length > 100 ? `${request.slice(0, 100)}…` : request
}
