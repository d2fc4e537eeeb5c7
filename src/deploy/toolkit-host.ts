import type { IoMessage, StackActivity, Toolkit } from '@aws-cdk/toolkit-lib'
import { quoted } from '../http/quoted.ts'
import { longestReason } from './failure-hints.ts'
import type { ToolkitHost } from './toolkit.ts'
import { dataAtRisk, plannedChanges, type PlannedChange } from './toolkit-plan.ts'

/** One step of one resource, as CloudFormation tells it. */
export interface ResourceStep {
  at: Date
  stack: string
  /** `CREATE_IN_PROGRESS`, `CREATE_COMPLETE`, `CREATE_FAILED` and so on. */
  state: string
  type: string
  id: string
  reason?: string
}

export interface HostOptions {
  step(step: ResourceStep): void
  /** What goes on beside the resources: uploads, change sets, warnings. */
  note(line: string): void
  /** Stacks that have a template and no resources: nothing of theirs can be replaced. */
  empty?: ReadonlySet<string>
  /** Whether a change set may replace what holds data. */
  allowReplace?: boolean
}

export interface DeployHost {
  host: ToolkitHost
  /** The resources that failed of themselves, first one first. */
  failures: ResourceStep[]
  /** What Docker said of images that it could not build. */
  unbuilt: string[]
  /** What a change set would have replaced, and was therefore not executed. */
  atRisk: PlannedChange[]
}

/** Warnings that say nothing here: IAM statements are in the plan, and who may not read by CDK's lookup role reads as it is. */
const expected = /potentially sensitive changes|lookup.role/i

/** What CDK's toolkit talks to: its messages become steps and notes, its questions are answered as the command line was. */
export function deployHost({ step, note, allowReplace = false, empty = new Set() }: HostOptions): DeployHost {
  const failures: ResourceStep[] = []
  const atRisk: PlannedChange[] = []
  const unbuilt: string[] = []
  const notify = async ({ code, level, data, message }: IoMessage<unknown>): Promise<void> => {
    if (code === 'CDK_TOOLKIT_I5502') {
      const one = stepOf(data as StackActivity)
      if (one.state.endsWith('_FAILED') && isOwnFailure(one)) failures.push(one)
      step(one)
    } else if (code === 'CDK_ASSETS_I5270' && /Publishing/.test(message))
      note(said(message.replace(/^.*Publishing /, 'upload '))) // prettier-ignore
    else if (code === 'CDK_ASSETS_E5279') unbuilt.push(message.replace(/^.*?\bfail: /, ''))
    else if (level === 'warn' && !expected.test(message)) note(`! ${said(message)}`)
  }
  const answer = async (code: string, data: unknown, otherwise: unknown): Promise<unknown> => {
    if (code === 'CDK_TOOLKIT_I5060') {
      const { templateDiffs } = data as { templateDiffs: Awaited<ReturnType<Toolkit['diff']>> }
      const diffs = Object.entries(templateDiffs).flatMap(([name, diff]) => (empty.has(name) ? [] : [diff]))
      const found = dataAtRisk(diffs.flatMap(plannedChanges))
      if (found.length === 0 || allowReplace) return true
      atRisk.push(...found)
      return false
    }
    // A stack that is paused is rolled back first; what is to be destroyed was confirmed before.
    if (code === 'CDK_TOOLKIT_I5050' || code === 'CDK_TOOLKIT_I7010') return true
    return otherwise
  }
  return {
    failures,
    atRisk,
    unbuilt,
    host: {
      notify,
      requestResponse: async <T>({
        code,
        data,
        defaultResponse,
      }: Parameters<ToolkitHost['requestResponse']>[0]): Promise<T> => (await answer(code, data, defaultResponse)) as T,
    },
  }
}

function stepOf({ event }: StackActivity): ResourceStep {
  return {
    at: event.Timestamp ?? new Date(),
    stack: event.StackName ?? '',
    state: event.ResourceStatus ?? '',
    type: event.ResourceType ?? '',
    id: event.LogicalResourceId ?? '',
    ...(event.ResourceStatusReason ? { reason: quoted(event.ResourceStatusReason, longestReason) } : {}),
  }
}

/** CloudFormation stops what else is under way when one resource fails; those are not the cause. */
export function isOwnFailure({ type, reason = '' }: ResourceStep): boolean {
  return type !== 'AWS::CloudFormation::Stack' && !/^Resource (creation|update) cancelled/i.test(reason)
}

function said(message: string): string {
  return quoted(message).replace(/\s*\(\d{12}-[\w-]+\)$/, '')
}
