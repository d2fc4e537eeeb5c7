import type { CloudFormation, StackEvent } from '@aws-sdk/client-cloudformation'
import { setTimeout as after } from 'node:timers/promises'
import { quoted } from '../http/quoted.ts'
import { asAwsError } from './aws-error.ts'
import { longestReason } from './failure-hints.ts'
import { stackState, type StackState } from './stack-state.ts'
import { isOwnFailure, type ResourceStep } from './toolkit-host.ts'

/**
 * Waits for what is under way on a stack, telling its steps from the beginning of that operation on. Gives the stack as it
 * is then, undefined when it is gone, and the resources that failed.
 */
export async function follow(
  cloudFormation: CloudFormation,
  stack: StackState,
  { step, pollMs = 2000 }: { step(step: ResourceStep): void; pollMs?: number },
): Promise<{ stack: StackState | undefined; failures: ResourceStep[] }> {
  const seen = new Set<string>()
  const failures: ResourceStep[] = []
  for (;;) {
    // By id: a stack that is gone still answers to it.
    const now = await stackState(cloudFormation, stack.id)
    for (const event of await since(cloudFormation, stack.id, seen)) {
      const one = stepOf(event)
      if (one.state.endsWith('_FAILED') && isOwnFailure(one)) failures.push(one)
      step(one)
    }
    if (!now?.state.endsWith('_IN_PROGRESS')) return { stack: now, failures }
    await after(pollMs)
  }
}

/** New events of the operation that runs, oldest first. */
async function since(cloudFormation: CloudFormation, id: string, seen: Set<string>): Promise<StackEvent[]> {
  const found: StackEvent[] = []
  const first = seen.size === 0
  let token: string | undefined
  try {
    do {
      const page = await cloudFormation.describeStackEvents({ StackName: id, ...(token ? { NextToken: token } : {}) })
      token = page.NextToken
      for (const event of page.StackEvents ?? []) {
        if (seen.has(event.EventId!)) return found.toReversed()
        seen.add(event.EventId!)
        found.push(event)
        if (first && beginsOperation(event)) return found.toReversed()
      }
    } while (token)
  } catch (error) {
    throw asAwsError(error, 'Reading the events of the stack')
  }
  return found.toReversed()
}

function beginsOperation({ PhysicalResourceId, StackId, ResourceStatus }: StackEvent): boolean {
  return PhysicalResourceId === StackId && /^(CREATE|UPDATE|DELETE|IMPORT)_IN_PROGRESS$/.test(ResourceStatus ?? '')
}

function stepOf(event: StackEvent): ResourceStep {
  return {
    at: event.Timestamp!,
    stack: event.StackName!,
    state: event.ResourceStatus!,
    type: event.ResourceType!,
    id: event.LogicalResourceId!,
    ...(event.ResourceStatusReason ? { reason: quoted(event.ResourceStatusReason, longestReason) } : {}),
  }
}
