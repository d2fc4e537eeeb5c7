import { createHash } from 'node:crypto'
import type { PolicyDocument, PolicyStatement } from '../aws/permissions.ts'
import { FairleadError } from '../errors.ts'

/** Whom a resource lets in, and whether with every statement that is needed. */
export interface Grant {
  principal: string
  actions: string[]
  /** Whether all statements are there; with fewer the caller gets 403. */
  complete: boolean
  /** Who wrote it: `fairlead grant`, or somebody else, such as the stack. */
  by: 'fairlead grant' | 'elsewhere'
}

/** A resource that IAM guards. */
export interface Granting {
  /** With `dry` it says what would change, and changes nothing. */
  grant(principal: string, dry?: boolean): Promise<{ changed: boolean }>
  revoke(principal: string, dry?: boolean): Promise<{ changed: boolean }>
  list(): Promise<Grant[]>
}

export interface Statement {
  Sid?: string
  Effect: string
  Principal: unknown
  Action: string | string[]
  Resource?: unknown
  Condition?: unknown
}

/** What a policy of ours gives a principal. */
export type PolicyFor = (arn: string, callers: readonly string[]) => PolicyDocument

const mark = 'fairlead'

/** The same statement has the same id each time, so that granting twice is granting once. */
export function sidOf({ Sid }: PolicyStatement, principal: string): string {
  return `${mark}${Sid}${createHash('sha256').update(principal).digest('hex').slice(0, 16)}`
}

/** A statement that the stack wrote would come back with the next deployment, and one with other principals is not ours to cut. */
export function refuseForeign(statements: readonly Statement[], principal: string): void {
  if (statements.every(({ Sid: sid }) => sid?.startsWith(mark))) return
  throw new FairleadError('GRANT_NOT_POSSIBLE', `${principal} was not let in by fairlead grant`, {
    why: 'The statement belongs to the stack, or to somebody else.',
    fix: 'Take the ARN out of `callers` in fairlead.config.ts and run: fairlead deploy',
  })
}

export function unknownPrincipal(principal: string, cause: unknown): FairleadError {
  return new FairleadError('PRINCIPAL_INVALID', `AWS does not know ${principal}`, {
    why: 'A policy can name only a role or a user that is there.',
    fix: `aws iam get-role --role-name ${principal.split('/').at(-1)}`,
    cause,
  })
}

export function same(one: Statement, wanted: PolicyStatement, principal: string): boolean {
  return (
    one.Effect === 'Allow' &&
    [one.Action].flat().includes(wanted.Action) &&
    principalsIn(one).includes(principal) &&
    JSON.stringify(one.Condition ?? {}) === JSON.stringify(wanted.Condition ?? {})
  )
}

function principalsIn({ Principal: principal }: Statement): string[] {
  if (typeof principal === 'string') return [principal]
  return Object.values((principal ?? {}) as Record<string, string | string[]>)
    .flat()
    .map((each) => (/^\d{12}$/.test(each) ? `arn:aws:iam::${each}:root` : each))
}

export function grantsIn(statements: readonly Statement[], policyFor: PolicyFor, arn: string): Grant[] {
  const allowing = statements.filter(({ Effect: effect }) => effect === 'Allow')
  const principals = [...new Set(allowing.flatMap(principalsIn))]
  return principals.map((principal) => {
    const own = allowing.filter((each) => principalsIn(each).includes(principal))
    const needed = policyFor(arn, [principal]).Statement
    return {
      principal,
      actions: [...new Set(own.flatMap(({ Action: action }) => action))],
      complete: needed.every((each) => own.some((one) => same(one, each, principal))),
      by: own.every(({ Sid: sid }) => sid?.startsWith(mark)) ? 'fairlead grant' : 'elsewhere',
    }
  })
}
