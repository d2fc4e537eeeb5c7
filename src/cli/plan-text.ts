import type { IdleCost } from '../deploy/idle-cost.ts'
import { conditionOf } from '../deploy/stack-state.ts'
import { dataAtRisk, type PlannedStack, type PlannedStatement, type Verb } from '../deploy/toolkit-plan.ts'
import type { Part } from '../deploy/deployment.ts'
import { wrapped } from './wrap.ts'

export interface StackPlan extends PlannedStack {
  part: Part
  /** As CloudFormation has it; absent where there is no stack, or nobody could ask. */
  state?: string
  idle: IdleCost
}

const marks: Record<Verb, string> = {
  add: '+',
  change: '~',
  replace: '±',
  'may-replace': '~',
  remove: '-',
  keep: '-',
}

const words: Record<Verb, string> = {
  add: '',
  change: 'changes',
  replace: 'is REPLACED',
  'may-replace': 'changes, and may be replaced',
  remove: 'is deleted',
  keep: 'leaves the stack and is kept',
}

/** What will be done, stack by stack. */
export function planText(stacks: readonly StackPlan[]): string[] {
  return stacks.flatMap((stack) => [
    '',
    `${stack.name}  ${stack.changes.length === 0 ? 'no changes' : stack.state === undefined ? 'new' : stack.state}`,
    ...stack.changes.map(
      ({ verb, id, type, properties = [] }) =>
        `  ${marks[verb]} ${type.padEnd(36)} ${id}${verb === 'add' ? '' : `  ${words[verb]}${properties.length > 0 ? `: ${properties.join(', ')}` : ''}`}`,
    ),
    ...statementLines('IAM statements added', stack.statements.added),
    ...statementLines('IAM statements taken away', stack.statements.removed),
    ...(stack.state !== undefined && conditionOf(stack.state) === 'under-way' ? ['  ! A deployment is under way; deploy waits for it.'] : []), // prettier-ignore
    ...(stack.state !== undefined && conditionOf(stack.state) === 'remade' ? ['  ! It was never made; deploy deletes what is left of it and makes it again.'] : []), // prettier-ignore
    ...(dataAtRisk(stack.changes).length > 0 ? ['  ! This loses data; deploy refuses it without --allow-replace.'] : []), // prettier-ignore
  ])
}

function statementLines(title: string, statements: readonly PlannedStatement[]): string[] {
  if (statements.length === 0) return []
  return [
    `  ${title}`,
    ...statements.flatMap(
      ({ effect, actions, resources, principals, condition }) =>
      wrapped(`${effect} ${list(actions)} on ${list(resources)} for ${list(principals)}${condition ? ` if ${condition}` : ''}`, '    ', '      '), // prettier-ignore
    ),
  ]
}

function list(lines: string): string {
  return lines.split('\n').join(', ')
}

/** What it costs in a month in which nobody calls. */
export function idleText(stacks: readonly StackPlan[], region: string): string[] {
  const items = stacks.flatMap(({ idle }) => idle.items)
  const unknown = [...new Set(stacks.flatMap(({ idle }) => idle.unknown))]
  const sum = idleSum(stacks)
  return [
    '',
    sum === undefined ? `Idle cost a month: not known, since a price for ${region} was not read` : `Idle cost a month: $${sum.toFixed(2)} (list price, without free tiers)`, // prettier-ignore
    ...items.map(({ id, type, usd }) => `  ${usd === undefined ? 'no price' : `$${usd.toFixed(2)}`}`.padEnd(12) + ` ${type}  ${id}`), // prettier-ignore
    ...(unknown.length > 0 ? wrapped(`Not counted, since their prices are not known here: ${unknown.join(', ')}`, '  ', '    ') : []), // prettier-ignore
  ]
}

/** Undefined where a price is missing. */
export function idleSum(stacks: readonly StackPlan[]): number | undefined {
  return stacks.reduce<number | undefined>((sum, { idle }) => (sum === undefined || idle.usd === undefined ? undefined : sum + idle.usd), 0) // prettier-ignore
}
