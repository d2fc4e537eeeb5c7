import type { CloudFormation, Stack } from '@aws-sdk/client-cloudformation'
import { FairleadError } from '../errors.ts'
import { asAwsError } from './aws-error.ts'

export interface StackState {
  name: string
  id: string
  /** `CREATE_COMPLETE` and so on. */
  state: string
  reason?: string
  outputs: Record<string, string>
  changedAt?: Date
}

/** A stack as CloudFormation knows it; undefined when there is none. */
export async function stackState(cloudFormation: CloudFormation, name: string): Promise<StackState | undefined> {
  try {
    const { Stacks: [found] = [] } = await cloudFormation.describeStacks({ StackName: name })
    return found && found.StackStatus !== 'DELETE_COMPLETE' ? asState(found) : undefined
  } catch (error) {
    const { name: kind, message } = error as Error
    if (kind === 'ValidationError' && message.includes('does not exist')) return undefined
    throw asAwsError(error, `Reading ${name}`)
  }
}

/** The same, of one of an environment that has to be there. Throws STACK_NOT_DEPLOYED. */
export async function deployedStack(
  cloudFormation: CloudFormation,
  name: string,
  environment: string,
): Promise<StackState> {
  const found = await stackState(cloudFormation, name)
  if (found && found.state !== 'REVIEW_IN_PROGRESS') return found
  throw new FairleadError('STACK_NOT_DEPLOYED', `There is no stack ${name}`, { fix: deployCommandFor(environment) })
}

/** What deploys an environment. */
export function deployCommandFor(environment: string): string {
  return `fairlead deploy${environment === 'default' ? '' : ` --env ${environment}`}`
}

function asState({
  StackName,
  StackId,
  StackStatus,
  StackStatusReason,
  Outputs = [],
  LastUpdatedTime,
  CreationTime,
}: Stack): StackState {
  // prettier-ignore
  const changedAt = LastUpdatedTime ?? CreationTime
  return {
    name: StackName!,
    id: StackId!,
    state: StackStatus!,
    ...(StackStatusReason ? { reason: StackStatusReason } : {}),
    outputs: Object.fromEntries(Outputs.map(({ OutputKey, OutputValue }) => [OutputKey!, OutputValue!])),
    ...(changedAt ? { changedAt } : {}),
  }
}

/** What is to be known of a state before something is done with its stack. */
export type Condition = 'steady' | 'under-way' | 'remade' | 'stuck'

/**
 * Sorts a state by what a deployment does about it: it waits for what is under way, deletes and makes again what was never
 * made, and stops before what needs a person.
 * @see https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/view-stack-events.html (stack status codes, read 2026-11-25)
 */
export function conditionOf(state: string): Condition {
  if (state === 'REVIEW_IN_PROGRESS') return 'steady'
  if (state.endsWith('_IN_PROGRESS')) return 'under-way'
  if (state === 'ROLLBACK_COMPLETE') return 'remade'
  return state.endsWith('_FAILED') ? 'stuck' : 'steady'
}

/** Whether a stack has a state and no resources: it was never made, so that everything in it is new. */
export function isEmpty(state: string): boolean {
  return state === 'REVIEW_IN_PROGRESS' || state === 'ROLLBACK_COMPLETE'
}

/** What to do about a stack that is stuck. `named` is its name and region, since it may be in another than the user's own. */
const remedies: Record<string, (named: string) => string> = {
  CREATE_FAILED: (named) => `aws cloudformation delete-stack ${named}, then fairlead deploy`,
  UPDATE_FAILED: (named) => `aws cloudformation rollback-stack ${named}, then fairlead deploy`,
  ROLLBACK_FAILED: (named) => `Delete by hand what is in the way, then: aws cloudformation delete-stack ${named}`,
  UPDATE_ROLLBACK_FAILED: (named) =>
    `aws cloudformation continue-update-rollback ${named}; with --resources-to-skip ID for one that cannot go back`,
  DELETE_FAILED: (named) =>
    `aws cloudformation delete-stack ${named} --retain-resources ID, for what could not be deleted`,
}

/** Refuses a stack that needs a person first. */
export function stuck({ name, id, state, reason }: StackState): FairleadError {
  const named = `--stack-name ${name} --region ${id.split(':')[3]}`
  return new FairleadError('STACK_HALF_MADE', `${name} is ${state}`, {
    ...(reason ? { why: reason } : {}),
    fix: remedies[state]?.(named) ?? `aws cloudformation describe-stack-events ${named}`,
  })
}
